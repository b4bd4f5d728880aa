/* What was painted before each stroke. */

const MOST = 40; // strokes that can be undone

/** @typedef {{layers: Map<number, HTMLCanvasElement>, painted: boolean}} Painting */
/** @type {Painting[]} */
let past = [];

/** @param {Painting} painting as it is before a stroke */
export const note = (painting) => {
  past = [...past, painting].slice(-MOST);
};
export const back = () => past.pop();
export const forget = () => {
  past = [];
};
export const any = () => past.length > 0;
