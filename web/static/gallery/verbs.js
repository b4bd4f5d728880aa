/* What can be done with the entry that the dialog shows. */
import {sentence, tell} from "../core/api.js";
import {button, overlay, released} from "../core/controls.js";
import * as router from "../core/router.js";
import {t} from "../core/text.js";
import {erase} from "./deletion.js";
import {tile} from "./list.js";
import {GALLERY, entries, state, tileOf} from "./state.js";

/** By hand; going back closes it too, and then there is nothing to do. */
const closed = () => {
  dialog.replaceChildren();
  if (!state.place.entry) return;
  state.place = {...state.place, entry: null};
  if (history.state?.over) history.back();
  else router.mend(state.place, null);
};
export const dialog = overlay(closed);
/** @type {Page.Trigger} Gradio's */
let trigger = () => {};
/** @type {(entry: Api.EntryView) => void} draws the dialog */
let draw = () => {};
/**
 * @param {Page.Trigger} given
 * @param {(entry: Api.EntryView) => void} drawn
 */
export const start = (given, drawn) => {
  trigger = given;
  draw = drawn;
};

/** @param {Api.EntryView} entry */
const changed = (entry) => {
  entries.set(entry.id, entry);
  tileOf(entry.id)?.replaceWith(tile(entry));
};
/** @param {string} text */
export const note = (text, bad = false) => {
  const line = dialog.querySelector(".note");
  if (!line) return; // closed meanwhile
  line.textContent = text;
  line.classList.toggle("bad-news", bad);
};
let turn = Promise.resolve(); // verbs are done one by one, in the order of their presses
/**
 * What a press does: a verb, then the dialog is drawn as the entry is now.
 * @param {() => Promise<Api.EntryView | null>} what
 * @param {string} [after] what is said then
 * @param {(entry: Api.EntryView) => void} [shows]
 */
export const doing =
  (what, after = "", shows = draw) =>
  () =>
    (turn = turn.then(async () => {
      try {
        const entry = await what();
        await released();
        if (entry) changed(entry);
        if (entry && state.place.entry === entry.id) shows(entry);
        note(after);
      } catch (error) {
        note(sentence(error), true);
      }
    }));
/**
 * @param {Api.EntryView} entry
 * @param {object} change
 * @returns {Promise<Api.EntryView>}
 */
export const patch = (entry, change) => tell(`${GALLERY}/${entry.id}`, change, "PATCH");
/**
 * @param {boolean} on
 * @param {string} text
 * @param {string} picture
 * @param {() => Promise<Api.EntryView>} what
 */
export const toggle = (on, text, picture, what) => button(text, picture, doing(what), {"aria-pressed": String(on)});
/** @param {Api.EntryView} entry */
export const eraser = (entry) =>
  button(t("delete"), "bin", async () => {
    try {
      await erase([entry.id]);
      dialog.close();
    } catch (error) {
      note(sentence(error), true);
    }
  });
/**
 * Hands something of the entry to the form and goes there.
 * @param {string} event
 * @param {object} data
 */
export const toStudio = (event, data) => {
  trigger(event, data);
  state.place.entry = null;
  dialog.close();
  location.hash = "";
};
/** @param {Api.EntryView} entry */
export const reuse = (entry) => button(t("use.settings"), "again", () => toStudio("reuse", {options: entry.options}));
