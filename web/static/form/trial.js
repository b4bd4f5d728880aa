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
/** The controls that make an entry's look, by their ids in the form.
 * @param {Api.EntryView} entry
 * @returns {Record<string, string>} */
export const controls = ({options}) => ({
  strength: String(Math.round(options.alpha * 100)),
  color: options.color,
});
