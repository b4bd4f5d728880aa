/* One entry of the gallery, in a dialog: looked at, named, published, shared, reported, deleted. */
import {ask, sentence} from "../core/api.js";
import {closer} from "../core/controls.js";
import {all, element, find} from "../core/dom.js";
import * as router from "../core/router.js";
import {downloads, face, facts, named, tags} from "./entry.js";
import {section as historyOf} from "./history.js";
import {remember} from "./list.js";
import {othersParts, ownParts, sources} from "./parts.js";
import {GALLERY, entries, sayFailure, state} from "./state.js";
import * as verbs from "./verbs.js";
import {dialog} from "./verbs.js";

export {dialog};

const focusable = () => all(dialog, "button, input, a, video");
/** @param {Api.EntryView} entry */
const draw = (entry) => {
  const {own} = entry;
  const focus = focusable().findIndex((one) => one === document.activeElement);
  dialog.setAttribute("aria-label", named(entry));
  dialog.replaceChildren(
    closer(dialog),
    face(entry, own?.content ?? entry.content),
    element(
      "div",
      {class: "about"},
      element("h2", {}, named(entry)),
      tags(entry),
      own ? ownParts(entry, own) : othersParts(entry),
      element("p", {class: "note", role: "status"}),
      downloads(entry),
      facts(entry),
      own ? sources(own) : null,
      own ? historyOf(entry.id, turnTo) : null,
    ),
  );
  focusable()[focus]?.focus({preventScroll: true});
};
/** @param {string} id */
export const show = async (id) => {
  try {
    draw(entries.get(id) ?? (await ask(`${GALLERY}/${id}`)));
    if (state.place.entry !== id || dialog.open) return;
    dialog.showModal();
    dialog.scrollTop = 0;
    state.opened = id;
  } catch (error) {
    sayFailure(sentence(error));
  }
};
/** @param {string} id */
export const open = (id) => {
  remember();
  state.place = {...state.place, entry: id};
  router.turn(state.place, {over: true});
  return show(id);
};
/** Shows another entry in the open dialog.
 * @param {string} id */
const turnTo = async (id) => {
  try {
    const entry = await ask(`${GALLERY}/${id}`);
    state.place = {...state.place, entry: id};
    router.mend(state.place);
    draw(entry);
    dialog.scrollTop = 0;
    find(dialog, ".shut").focus({preventScroll: true});
  } catch (error) {
    verbs.note(sentence(error), true);
  }
};
/** Shows the entry beside the one that is open.
 * @param {KeyboardEvent} event */
const beside = async (event) => {
  const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
  if (
    !by ||
    event.defaultPrevented ||
    (event.target instanceof Element && event.target.matches("input, select, video"))
  )
    return;
  const ids = [...entries.keys()],
    at = ids.indexOf(state.place.entry ?? ""),
    next = entries.get(ids[at + by]);
  if (at < 0 || !next) return;
  event.preventDefault();
  state.place = {...state.place, entry: next.id};
  state.opened = next.id;
  router.mend(state.place);
  draw(next);
};
/** @param {Page.Trigger} trigger Gradio's */
export const start = (trigger) => {
  verbs.start(trigger, draw);
  dialog.addEventListener("keydown", beside);
};
