/* Whether Gradio takes events: after a call of its own was lost it takes none, silently, and loads the
 * page again once the studio answers. What the visitor asks for meanwhile is kept over that reload.
 */
const KEPT = "wish"; // in this tab's storage
const PATIENCE = 3000; // milliseconds until an event counts as not taken
const LASTS = 60000; // milliseconds until a wish is too old to be granted unasked

/** @typedef {{event: string, data: object}} Wish what is given to Gradio's trigger, or "send" for the button */

/** @type {(() => void)[]} who waits for the event "ping" to be taken */
let waiting = [];
/** Gradio: the event "ping" was taken. */
export const taken = () => {
  for (const answer of waiting) answer();
  waiting = [];
};
/** Tells whether Gradio takes events.
 * @param {Page.Trigger} trigger */
export const takes = (trigger) =>
  new Promise((done) => {
    waiting.push(() => done(true));
    setTimeout(done, PATIENCE, false);
    trigger("ping", {});
  });

/** @param {string} text */
const store = (text) => {
  try {
    sessionStorage.setItem(KEPT, text);
  } catch {
    /* a browser without storage forgets */
  }
};
/** Keeps a wish until it is forgotten, also if Gradio loads the page again.
 * @param {Wish} wish */
export const remember = (wish) => store(JSON.stringify({wish, at: Date.now()}));
export const forget = () => store("null");
/** The wish that the page before this one could not grant, or null; answers once.
 * @returns {Wish | null} */
export const remembered = () => {
  try {
    const {wish, at} = JSON.parse(sessionStorage.getItem(KEPT) ?? "null") ?? {wish: null, at: 0};
    forget();
    return Date.now() - at < LASTS ? wish : null;
  } catch {
    return null;
  }
};
