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
/** The shares of the styles that an entry offers, percent of all, by the ids of their sliders.
 * @param {Api.EntryView} entry
 * @returns {Record<string, string>} */
export const shares = ({offered}) => {
  const all = offered.reduce((sum, {weight}) => sum + weight, 0);
  return Object.fromEntries(
    offered.map(({weight}, place) => [`share-${place}`, String(all > 0 ? Math.round((100 * weight) / all) : 50)]),
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
