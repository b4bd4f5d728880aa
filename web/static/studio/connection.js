/* Whether Gradio takes events: after a call of its own was lost it takes none, silently, and loads the
 * page again once the studio answers. A call that is made meanwhile is kept over that reload.
 */
const KEPT = "call"; // in this tab's storage
const PATIENCE = 3000; // milliseconds until an event counts as not taken
const LASTS = 60000; // milliseconds until a call is too old to be made unasked

/** @typedef {{event: string, data: object}} Call what is given to Gradio's trigger, or "send" for the button */

/** @type {(() => void)[]} callbacks that wait for the event "ping" to be taken */
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
/** Keeps a call until it is forgotten, also if Gradio loads the page again.
 * @param {Call} call */
export const remember = (call) => store(JSON.stringify({call, at: Date.now()}));
export const forget = () => store("null");
/** The call that the page before this one could not make, or null; answers once.
 * @returns {Call | null} */
export const remembered = () => {
  try {
    const {call, at} = JSON.parse(sessionStorage.getItem(KEPT) ?? "null") ?? {call: null, at: 0};
    forget();
    return Date.now() - at < LASTS ? call : null;
  } catch {
    return null;
  }
};
