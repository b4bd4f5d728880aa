/* Pictures as zips, in a dialog: all of one's own, or those selected. */
import {ask, sentence} from "../core/api.js";
import {anchor, closer, overlay} from "../core/controls.js";
import {element} from "../core/dom.js";
import {bulk, t} from "../core/text.js";
import {GALLERY, picked, state} from "./state.js";

const AT_ONCE = 100; // pictures that one address may name

/** @typedef {{address: string, text: string}} Part */

/** @param {string[]} ids
 * @returns {Part[]} */
const ofSelected = (ids) =>
  Array.from({length: Math.ceil(ids.length / AT_ONCE)}, (_, place) => {
    const some = ids.slice(place * AT_ONCE, (place + 1) * AT_ONCE);
    const named = new URLSearchParams(some.map((id) => ["id", id]));
    return {address: `${GALLERY}/zip?${named}`, text: t("archive.part", {count: some.length})};
  });
/** @returns {Promise<Part[]>} */
const ofAll = async () => {
  /** @type {Api.ArchiveView[]} */
  const parts = await ask(`${GALLERY}/archives`);
  return parts.map(({address, pictures, bytes}) => ({
    address,
    text: t("archive.of.bytes", {count: pictures, bulk: bulk(bytes)}),
  }));
};
/** @param {Part} part
 * @param {boolean} photos */
const link = ({address, text}, photos) => {
  const full = photos ? `${address}${address.includes("?") ? "&" : "?"}photos=true` : address;
  return anchor(text, "save", {href: full, download: "", class: "quiet strong"});
};
/** @param {HTMLDialogElement} dialog
 * @param {Part[]} parts */
const fill = (dialog, parts) => {
  const links = element("div", {class: "actions"});
  const box = element("input", {type: "checkbox", onchange: () => draw()});
  /** @type {() => void} */
  const draw = () => links.replaceChildren(...parts.map((part) => link(part, box.checked)));
  draw();
  dialog.append(
    element("p", {class: "hint"}, t(parts.length > 1 ? "archive.hint" : "archive.hint.one")),
    element("label", {class: "photos"}, box, element("span", {}, t("archive.photos"))),
    links,
  );
};
/** @param {string[]} [ids] without: all of one's own */
const open = async (ids) => {
  const dialog = overlay(() => dialog.remove());
  dialog.classList.add("archives");
  dialog.setAttribute("aria-label", t("download"));
  dialog.append(closer(dialog), element("h2", {}, t(ids ? "archive.selected" : "archive.all")));
  try {
    fill(dialog, ids ? ofSelected(ids) : await ofAll());
  } catch (error) {
    dialog.append(element("p", {class: "bad-news", role: "alert"}, sentence(error)));
  }
  state.root.append(dialog);
  dialog.showModal();
};
export const openAll = () => open();
export const openSelected = () => open([...picked]);
