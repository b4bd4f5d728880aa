/* Several entries at once: selected, and deleted. */
import {sentence, tell} from "../core/api.js";
import {button, hasty, rest} from "../core/controls.js";
import {find} from "../core/dom.js";
import {t} from "../core/text.js";
import {forget} from "../studio/jobs.js";
import {drawTools, redraw} from "./list.js";
import {GALLERY, at, entries, picked, sayFailure, state, tileOf} from "./state.js";

const AT_ONCE = 100; // entries that one request may delete

/** @param {string} id */
export const pick = (id) => {
  if (!picked.delete(id)) picked.add(id);
  tileOf(id)?.setAttribute("aria-pressed", String(picked.has(id)));
  askForConfirmation(false);
  drawTools();
};
export const select = () => {
  state.selecting = !state.selecting;
  picked.clear();
  askForConfirmation(false);
  redraw();
};
/** The second press on the button counts.
 * @param {boolean} yes */
const askForConfirmation = (yes) => {
  at("bin").classList.toggle("bad", yes);
  find(at("bin"), "span").textContent = yes ? t("delete.sure") : t("delete");
};
/** Takes away what was deleted.
 * @param {string[]} ids */
export const removed = (ids) => {
  for (const id of ids) {
    entries.delete(id);
    picked.delete(id);
  }
  forget(ids);
  redraw();
};
/** @param {MouseEvent} event */
const deletePicked = async (event) => {
  const knob = at("bin", HTMLButtonElement);
  if (hasty(knob, event)) return;
  if (!knob.classList.contains("bad")) {
    askForConfirmation(true);
    return rest(knob);
  }
  try {
    const ids = [...picked];
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      removed((await tell(`${GALLERY}/delete`, {ids: ids.slice(from, from + AT_ONCE)})).deleted);
    }
    if (state.selecting) select();
  } catch (error) {
    sayFailure(sentence(error));
  }
};
export const deleteButton = () => button(t("delete"), "bin", deletePicked, {class: "quiet bin"});
