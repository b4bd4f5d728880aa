/* Handing an address on: by the share sheet of the visitor's system, or copied. */

/** Copies a text; tells whether the browser lets it.
 * @param {string} text */
export const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
};
/** Whether the browser has a share sheet. */
export const can = () => "share" in navigator;
/** Hands an address on; tells whether it was copied.
 * @param {string} title
 * @param {string} url */
export const pass = async (title, url) => {
  if (!can()) return copy(url);
  try {
    await navigator.share({title, url});
    return false;
  } catch (error) {
    const closed = error instanceof DOMException && error.name === "AbortError"; // by the visitor
    return !closed && copy(url);
  }
};
