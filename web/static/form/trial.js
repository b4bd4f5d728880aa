/* Styles of other visitors' pictures, to try: samples, or pictures that their owners lend. */
import {upload} from "../studio/uploads.js";

/**
 * What the form's fields hold of the styles that an entry offers.
 * @param {Api.EntryView} entry
 * @returns {Promise<string[]>}
 */
export const texts = ({offered}) =>
  Promise.all(
    offered.map(async ({sample, address}) =>
      sample ? `shelf:styles/${sample}` : upload(await (await fetch(address)).blob(), Infinity, false),
    ),
  );
/** The shares of the styles that an entry offers, by the ids of their sliders.
 * @param {Api.EntryView} entry
 * @returns {Record<string, string>} */
export const shares = ({offered}) => {
  const most = Math.max(...offered.map(({weight}) => weight));
  return Object.fromEntries(
    offered.map(({weight}, place) => [`share-${place}`, String(most > 0 ? Math.round((100 * weight) / most) : 50)]),
  );
};
/** The controls that make an entry's look, by their ids in the form.
 * @param {Api.EntryView} entry
 * @returns {Record<string, string>} */
export const controls = (entry) => ({
  strength: String(Math.round(entry.options.alpha * 100)),
  color: entry.options.color,
  ...shares(entry),
});
