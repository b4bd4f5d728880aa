/* What is deleted lies in the bin for a while, and can be taken back from there. */
import {sentence, tell} from "../core/api.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";
import {offer} from "../core/toast.js";
import {fetchJob, forget, look} from "../studio/jobs.js";
import {list, redraw} from "./list.js";
import {GALLERY, entries, picked, sayFailure} from "./state.js";

export const BIN = under("/api/v1/bin");
const AT_ONCE = 100; // entries that one request may name

/** @param {string[]} ids
 * @param {(some: string[]) => Promise<unknown>} act */
const inParts = async (ids, act) => {
  for (let from = 0; from < ids.length; from += AT_ONCE) await act(ids.slice(from, from + AT_ONCE));
};
/** Takes pictures out of the bin.
 * @param {string[]} ids */
export const restore = async (ids) => {
  try {
    await inParts(ids, async (some) => {
      /** @type {Api.Restored} */
      const {restored} = await tell(`${BIN}/restore`, {ids: some});
      await Promise.all(restored.map(fetchJob));
    });
    look();
    list();
  } catch (error) {
    sayFailure(sentence(error));
  }
};
/** @param {string[]} ids */
const removed = (ids) => {
  for (const id of ids) {
    entries.delete(id);
    picked.delete(id);
  }
  forget(ids);
  redraw();
};
/** Puts pictures into the bin, and offers to undo that; raises what the studio refuses.
 * @param {string[]} ids */
export const erase = (ids) =>
  inParts(ids, async (some) => {
    /** @type {Api.Deleted} */
    const {deleted} = await tell(`${GALLERY}/delete`, {ids: some});
    removed(deleted);
  }).then(() => offer(t("deleted", {count: ids.length}), t("undo"), () => restore(ids)));
