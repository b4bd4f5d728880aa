/* The bin, in a dialog: what was deleted, restored by a press or deleted for ever. */
import {ask, sentence} from "../core/api.js";
import {button, closer, overlay, twice} from "../core/controls.js";
import {element} from "../core/dom.js";
import {moment, t} from "../core/text.js";
import {mark} from "../films/player.js";
import {BIN, restore} from "./deletion.js";
import {state} from "./state.js";

/** @param {Api.BinnedView} one
 * @param {HTMLElement} line */
const tile = (one, line) => {
  const title = one.title || t("untitled");
  const text = one.kept_until
    ? t("bin.restore", {title, day: moment(one.kept_until)})
    : t("bin.restore.always", {title});
  const knob = element(
    "button",
    {
      type: "button",
      class: "tile",
      "aria-label": text,
      title: text,
      onclick: async () => {
        await restore([one.id]);
        knob.remove();
        line.textContent = t("bin.restored");
      },
    },
    element("img", {src: one.thumbnail, alt: "", loading: "lazy"}),
    one.film ? mark() : null,
  );
  return knob;
};
const open = async () => {
  const dialog = overlay(() => dialog.remove());
  const line = element("p", {class: "note", role: "status"});
  dialog.classList.add("binned");
  dialog.setAttribute("aria-label", t("bin"));
  try {
    /** @type {Api.BinnedView[]} */
    const found = await ask(BIN);
    const tiles = element(
      "div",
      {class: "tiles"},
      found.map((one) => tile(one, line)),
    );
    const clear = twice(t("bin.clear"), t("delete.sure"), "bin", async () => {
      await ask(BIN, {method: "DELETE"});
      tiles.replaceChildren();
      line.textContent = t("bin.cleared");
    });
    dialog.append(
      closer(dialog),
      element("h2", {}, t("bin")),
      element("p", {class: "hint"}, t(found.length ? "bin.hint" : "bin.none")),
      tiles,
      line,
      element("div", {class: "actions"}, found.length ? clear : null),
    );
  } catch (error) {
    dialog.append(closer(dialog), element("p", {class: "bad-news"}, sentence(error)));
  }
  state.root.append(dialog);
  dialog.showModal();
};
export const binButton = () => button(t("bin"), "bin", open, {class: "quiet to-bin"});
