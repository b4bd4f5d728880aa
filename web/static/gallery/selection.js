/* Several entries at once: selected, and deleted. */
import {sentence} from "../core/api.js";
import {button} from "../core/controls.js";
import {t} from "../core/text.js";
import {erase} from "./deletion.js";
import {drawTools, redraw} from "./list.js";
import {picked, sayFailure, state, tileOf} from "./state.js";

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
export const deleteButton = () => button(t("delete"), "bin", deletePicked, {class: "quiet bin"});
