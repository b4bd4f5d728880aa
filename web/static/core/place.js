/* Where the studio lies on its host: at the root, or under a path (STUDIO_PUBLIC_URL). */

/** The path of this script's folders taken off its own address; "" at the root. */
export const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
/** The address of something of the studio's.
 * @param {string} path from the studio's root on, beginning with a slash */
export const under = (path) => ROOT + path;
