/* What ended while nobody looked: said in the tab's title, and by the browser if it was allowed to.
 *
 * Nobody is asked for that permission unless they press the button for it.
 */
import {button} from "./controls.js";
import {TITLE, t} from "./text.js";

const WISH = "notify"; // in this browser's storage: the visitor wants to be told
let news = [];

const can = () => "Notification" in globalThis && globalThis.isSecureContext;
const wanted = () => can() && Notification.permission === "granted" && localStorage.getItem(WISH) === "yes";
const title = () => { document.title = (news.length > 1 ? `(${news.length}) ` : "") + (news.length ? `${news.at(-1)} · ` : "") + TITLE; };

export const ended = (id, text) => { // something of this id has ended, with these words for it
  if (!document.hidden) return;
  news.push(text);
  title();
  if (!wanted()) return;
  try {
    const told = new Notification(TITLE, {body: text, tag: id, icon: "/page/favicon.png"});
    told.onclick = () => { globalThis.focus(); told.close(); };
  } catch (error) { /* phones that have them for installed pages only */ }
};
export const seen = () => { // the visitor looks
  if (document.hidden || !news.length) return;
  news = [];
  title();
};
export const bell = () => { // the button that asks; nothing where there is nothing to ask
  if (!can() || Notification.permission === "denied") return null;
  const on = wanted();
  return button(t(on ? "notice.on" : "notice.ask"), on ? "check" : "bell", async (event) => {
    const knob = event.currentTarget;
    const yes = !wanted() && (await Notification.requestPermission()) === "granted";
    localStorage.setItem(WISH, yes ? "yes" : "no");
    knob.replaceWith(bell() ?? "");
  }, {class: "quiet bell", "aria-pressed": String(on)});
};

document.addEventListener("visibilitychange", seen);
