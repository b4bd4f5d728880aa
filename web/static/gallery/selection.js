/* Several entries at once: selected, made favourites, tagged, published, downloaded, deleted. */
import {sentence} from "../core/api.js";
import {button, closer, overlay} from "../core/controls.js";
import {element, find} from "../core/dom.js";
import {t} from "../core/text.js";
import {offer} from "../core/toast.js";
import {openSelected} from "./archives.js";
import {erase} from "./deletion.js";
import {drawTools, redraw} from "./list.js";
import {entries, picked, say, sayFailure, state, tileOf, verb} from "./state.js";
import {patch} from "./verbs.js";

/** @typedef {(entry: Api.EntryView) => Promise<Api.EntryView>} Verb */

/** @param {string} id */
export const pick = (id) => {
  if (!picked.delete(id)) picked.add(id);
  tileOf(id)?.setAttribute("aria-pressed", String(picked.has(id)));
  drawTools();
};
export const select = () => {
  state.selecting = !state.selecting;
  picked.clear();
  redraw();
};
const deletePicked = async () => {
  try {
    await erase([...picked]);
    if (state.selecting) select();
  } catch (error) {
    sayFailure(sentence(error));
  }
};
const chosen = () => [...entries.values()].filter((entry) => picked.has(entry.id));
/** Does something with entries one after the other; answers those that it was done with.
 * @param {Api.EntryView[]} some
 * @param {Verb} act */
const each = async (some, act) => {
  const done = [];
  try {
    for (const entry of some) {
      const now = await act(entry);
      if (entries.has(now.id)) entries.set(now.id, now);
      done.push(now);
    }
    say(element("p", {class: "hint", role: "status"}, t("changed", {count: done.length})));
  } catch (error) {
    sayFailure(sentence(error));
  }
  redraw();
  return done;
};
/** @type {() => Promise<unknown>} */
const favourite = () => {
  const all = chosen(),
    on = !all.every((entry) => entry.own?.favourite);
  return each(all, (entry) => patch(entry, {favourite: on}));
};
const publish = async () => {
  const unpublished = chosen().filter((entry) => !entry.published);
  if (!unpublished.length) return each(chosen(), (entry) => verb(entry, "unpublish"));
  const done = await each(unpublished, (entry) => verb(entry, "publish"));
  if (done.length)
    offer(t("published.many", {count: done.length}), t("undo"), () => each(done, (entry) => verb(entry, "unpublish")));
};
/** @param {string} typed words between commas */
const tag = (typed) => {
  const more = typed.split(",").filter((word) => word.trim());
  return each(chosen(), (entry) => patch(entry, {tags: [...entry.tags, ...more]}));
};
const askTags = () => {
  const dialog = overlay(() => dialog.remove());
  const words = element("input", {type: "text", maxlength: 500, placeholder: t("tags.hint"), name: "tags"});
  const form = element(
    "form",
    {
      method: "dialog",
      onsubmit: () => {
        tag(words.value);
      },
    },
    element("label", {}, t("tags.add", {count: picked.size}), words),
    element("button", {class: "quiet strong"}, t("tags.add.do")),
  );
  dialog.classList.add("tagging");
  dialog.setAttribute("aria-label", t("tags"));
  dialog.append(closer(dialog), form);
  state.root.append(dialog);
  dialog.showModal();
  find(dialog, "[name=tags]").focus();
};
export const selectedTools = () =>
  element(
    "div",
    {class: "chosen", hidden: true},
    element("span", {class: "count"}),
    button(t("favourite"), "star", favourite),
    button(t("tags"), "tag", askTags),
    button(t("publish"), "world", publish),
    button(t("download"), "save", openSelected),
    button(t("delete"), "bin", deletePicked, {class: "quiet bin"}),
  );
