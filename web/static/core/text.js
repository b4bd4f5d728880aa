/* The texts in the visitor's language, and how numbers and times are written. */
import texts, {language} from "/texts.js";

export {language};
export const TITLE = "AdaIN Studio";

/* The visitor’s text of that name; with {count: 3}, {count} in it becomes 3. */
export const t = (name, given = {}) =>
  (texts[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => (key in given ? String(given[key]) : whole));

export const bulk = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);

export const seconds = (count) => t("seconds", {count: count < 10 ? count.toFixed(1) : Math.round(count)});
export const span = (count) => (count < 60 ? seconds(count) : t("minutes", {minutes: Math.floor(count / 60), seconds: Math.round(count % 60)}));
export const moment = (epoch) => new Date(epoch * 1000).toLocaleString(language, {dateStyle: "medium", timeStyle: "short"});

/* The words of what Python drew, and the switch to the other language. */
export const speak = () => {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = t(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", t(one.dataset.label));
  for (const row of document.querySelectorAll(".shelf")) row.setAttribute("aria-label", t(`shelf.${row.dataset.kind}`));
  for (const one of document.querySelectorAll(".shelf button")) {
    one.title = t(`shelf.${one.dataset.name}`);
    one.firstElementChild.alt = one.title;
  }
  const knob = document.querySelector("#language");
  knob.textContent = t("language.other");
  knob.lang = language === "en" ? "ko" : "en";
  knob.onclick = () => {
    document.cookie = `language=${knob.lang}; path=/; max-age=31536000; samesite=lax`;
    location.reload();
  };
};

export const about = (count) => (count < 90 ? t("about.seconds", {count: Math.max(1, Math.round(count))}) : t("about.minutes", {count: Math.round(count / 60)}));
