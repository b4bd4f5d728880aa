/* What ended while the page was hidden: said in the tab's title, and by the browser if the visitor
 * has allowed it. The permission is asked for by a button only. */
import {button} from "./controls.js";
import {under} from "./place.js";
import {TITLE, t} from "./text.js";

const CHOICE = "notify"; // in this browser's storage: the visitor wants notifications
/** @type {string[]} */
let news = [];

const can = () => "Notification" in globalThis && globalThis.isSecureContext;
const wanted = () => can() && Notification.permission === "granted" && localStorage.getItem(CHOICE) === "yes";
const title = () => {
  document.title = (news.length > 1 ? `(${news.length}) ` : "") + (news.length ? `${news.at(-1)} · ` : "") + TITLE;
};

/** Says that a job or batch has ended.
 * @param {string} id
 * @param {string} text */
export const ended = (id, text) => {
  if (!document.hidden) return;
  news.push(text);
  title();
  if (!wanted()) return;
  try {
    const shown = new Notification(TITLE, {body: text, tag: id, icon: under("/page/favicon.png")});
    shown.onclick = () => {
      globalThis.focus();
      shown.close();
    };
  } catch {
    /* phones that have them for installed pages only */
  }
};
const seen = () => {
  if (document.hidden || !news.length) return;
  news = [];
  title();
};
/** The button that asks for the permission; null where it can't be had.
 * @returns {HTMLButtonElement | null} */
export const notifyButton = () => {
  if (!can() || Notification.permission === "denied") return null;
  const on = wanted();
  return button(
    t(on ? "notice.on" : "notice.ask"),
    on ? "check" : "notify",
    async (event) => {
      const knob = event.currentTarget;
      const yes = !wanted() && (await Notification.requestPermission()) === "granted";
      localStorage.setItem(CHOICE, yes ? "yes" : "no");
      knob.replaceWith(notifyButton() ?? "");
    },
    {class: "quiet", "aria-pressed": String(on)},
  );
};

document.addEventListener("visibilitychange", seen);
