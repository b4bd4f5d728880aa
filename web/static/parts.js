/* Small parts that the page's scripts share. What they show goes in as text, never as HTML. */
import texts, {language} from "/texts.js";

export {language};
export const TITLE = "AdaIN Studio";

/* The visitor’s text of that name; with {count: 3}, {count} in it becomes 3. */
export const t = (name, given = {}) =>
  (texts[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => (key in given ? String(given[key]) : whole));

export const element = (tag, given = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.flat().filter((part) => part !== null && part !== undefined));
  return made;
};

const ICONS = {
  easel: "M4 5h16v11H4zM12 2v3M8 16l-2.5 6M16 16l2.5 6M7 13l3.5-4 2.5 2.5L15 9l2 4",
  warn: "M12 8v5M12 16.5v.01M10.3 3.9 2.5 17.5A2 2 0 0 0 4.2 20.5h15.6a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0z",
  stop: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9 9l6 6M15 9l-6 6",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7v5l3 2",
  save: "M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14",
  open: "M14 4h6v6M20 4l-8 8M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  again: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  photo: "M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 5M15.5 9.5v.01",
  star: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1.1 5.9L12 16.8l-5.3 2.9 1.1-5.9L3.5 9.7l5.9-.8z",
  world: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  link: "M10 14a4 4 0 0 0 5.7 0l3.3-3.3a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0L5 13.3a4 4 0 0 0 5.7 5.7L12 17.7",
  flag: "M5 21V4h12l-2 4 2 4H5",
  bin: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13",
  back: "M10 6 4 12l6 6M4 12h16",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4",
  close: "M6 6l12 12M18 6 6 18",
  steps: "M4 20h3v-4H4zM10.5 20h3v-9h-3zM17 20h3V5h-3z",
  pages: "M6 3h9l4 4v14H6zM10 12h6M10 16h6",
  upload: "M12 16V4M7.5 8.5 12 4l4.5 4.5M4 14.5V20h16v-5.5",
  paste: "M9 5H6v16h12V5h-3M9 3.5h6v3.5H9zM9.5 12h5M9.5 16h5",
  camera: "M4 8h4l1.5-3h5L16 8h4v12H4zM12 17a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7",
  check: "M5 12.5 10 17.5 19.5 7",
};
export const icon = (name) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({viewBox: "0 0 24 24", width: 20, height: 20, fill: "none", stroke: "currentColor", "stroke-width": 1.75, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true"})) made.setAttribute(key, value);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", ICONS[name]);
  made.append(line);
  return made;
};
export const button = (text, picture, onclick, given = {}) =>
  element("button", {type: "button", class: "quiet", onclick, ...given}, picture ? icon(picture) : null, element("span", {}, text));
export const anchor = (text, picture, given) =>
  element("a", {class: "quiet", ...given}, icon(picture), element("span", {}, text));
export const message = (picture, title, text, ...more) =>
  element("div", {class: "message"}, icon(picture), title.nodeType ? title : element("h2", {}, title), element("p", {}, text), ...more);

/* Fills an input of Gradio's, as a hand would. */
export const fill = (input, text) => {
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), "value").set.call(input, text);
  input.dispatchEvent(new Event("input", {bubbles: true}));
};

/* Tells whether a press only belongs to the one before: the second of a double click, a held key. */
export const DOUBLE = 500; // milliseconds
const unready = (knob) => knob.getAttribute("aria-disabled") === "true";
export const rest = (knob) => { // so that a press that comes at once confirms nothing
  knob.setAttribute("aria-disabled", "true");
  setTimeout(() => knob.removeAttribute("aria-disabled"), DOUBLE);
};
export const hasty = (knob, event) => unready(knob) || event.detail > 1;

/* A button for what can't be taken back: the first press asks, the second counts. */
export const twice = (text, question, picture, act) => {
  const knob = button(text, picture, (event) => {
    if (hasty(knob, event)) return;
    if (knob.classList.contains("bad")) return act();
    knob.classList.add("bad");
    knob.querySelector("span").textContent = question;
    rest(knob);
  });
  return knob;
};
/* A text to take along, and the button that does. */
export const copied = (value, name, told) => {
  const field = element("input", {type: "text", readonly: true, value, "aria-label": name, onfocus: () => field.select()});
  const copy = async () => {
    try { await navigator.clipboard.writeText(value); } catch (error) { field.select(); document.execCommand("copy"); }
    told();
  };
  return [field, button(t("copy"), "link", copy)];
};
export const small = (...text) => element("span", {class: "small"}, text.filter(Boolean).join(" · "));
export const what = (...inside) => element("div", {class: "what"}, inside.flat());
export const row = (...inside) => element("li", {class: "row"}, inside.flat());
export const rows = (list, empty) => (list.length ? element("ul", {class: "rows"}, list) : element("p", {class: "none"}, empty));
export const bulk = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);

export const seconds = (count) => t("seconds", {count: count < 10 ? count.toFixed(1) : Math.round(count)});
export const span = (count) => (count < 60 ? seconds(count) : t("minutes", {minutes: Math.floor(count / 60), seconds: Math.round(count % 60)}));
export const moment = (epoch) => new Date(epoch * 1000).toLocaleString(language, {dateStyle: "medium", timeStyle: "short"});

export const settings = (options, styles, masks, network) => [
  t("strength.is", {count: Math.round(options.alpha * 100)}),
  t(`color.${options.color}.is`),
  styles > 1 ? t("styles.count", {count: styles}) : null,
  masks ? t("masks") : null,
  options.size ? t("size.is", {count: options.size}) : t("size.whole"),
  network,
].filter(Boolean);

export const shaped = (box, width, height) => {
  box.style.setProperty("--ratio", width / height);
  return box;
};
export const compare = (after, before, width, height) => {
  const slider = element("input", {
    type: "range", min: 0, max: 100, value: 50, step: 1, "aria-label": t("compare"),
    oninput: () => box.style.setProperty("--at", `${slider.value}%`),
  });
  const box = element("div", {class: "compare"},
    element("img", {src: after, alt: t("alt.result"), class: "after"}),
    element("img", {src: before, alt: t("alt.photo"), class: "before"}),
    element("span", {class: "tag left", "aria-hidden": "true"}, t("photo")),
    element("span", {class: "tag right", "aria-hidden": "true"}, t("repainted")),
    element("span", {class: "grip", "aria-hidden": "true"}),
    slider,
  );
  return shaped(box, width, height);
};

/* Tells whether the studio answers. */
export const reached = async () => {
  try { return (await fetch("/livez", {cache: "no-store"})).ok; } catch (error) { return false; }
};
/* Answers with what the API says, or raises its sentence. */
export const ask = async (address, options) => {
  const answer = await fetch(address, {credentials: "same-origin", ...options}).catch(() => { throw new Error(t("away")); });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail || t("away")), {status: answer.status});
};
export const tell = (address, body, method = "POST") =>
  ask(address, {method, headers: {"Content-Type": "application/json"}, body: JSON.stringify(body ?? {})});

/* Resolves once no press is under way: what a press began on must still be there when it ends. */
const GESTURE = 50; // milliseconds from the end of a touch to the click it makes
let pressing = false;
document.addEventListener("pointerdown", () => { pressing = true; }, true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { pressing = false; }, true);
export const released = async () => {
  while (pressing) await new Promise((go) => { setTimeout(go, GESTURE); });
};

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
