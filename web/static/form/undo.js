/* What was changed in the form as a whole can be undone. */
import {t} from "../core/text.js";
import {offer} from "../core/toast.js";
import {held, refill} from "./memory.js";

/**
 * Says that the form is another now, and offers the one before.
 * @param {string} text
 * @param {() => unknown} [gone] what is done if it was not undone
 */
export const changing = (text, gone) => {
  const before = held();
  offer(text, t("undo"), () => refill(before), gone);
};
