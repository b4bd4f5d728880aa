/* The admin's page: how the studio does, and what can be done about it; all of it from
 * /api/v1/admin, which asks for the secret. What it shows goes in as text, never as HTML.
 */
import {ask, sentence, status, tell} from "../core/api.js";
import {element, find} from "../core/dom.js";
import {under} from "../core/place.js";
import {setUpPage, t} from "../core/text.js";
import {API, failed, useShell, wrong} from "./actions.js";
import {overview} from "./overview.js";
import {audit, blocks, jobs, limits, reports} from "./views.js";

const LATER = 3000; // milliseconds between looks at the overview
/** @type {Record<string, () => Promise<(HTMLElement | null)[]>>} */
const VIEWS = {overview, jobs, reports, limits, blocks, audit};
const main = find(document, "#admin");
let timer = 0;
let drawing = 0; // counts drawings; what was asked for an earlier one comes too late

const view = () => {
  const [name] = location.hash.slice(1).split("/");
  return name in VIEWS ? name : "overview";
};

const back = () => element("a", {href: under("/"), class: "back"}, t("studio.back"));

/* ------------------------------------------------------------ the secret */

const leave = async () => {
  try {
    await ask(`${API}/session`, {method: "DELETE"});
  } catch (error) {
    if (status(error) !== 401) return failed(error);
  }
  signIn();
};
const signIn = () => {
  clearTimeout(timer);
  const secret = element("input", {
    type: "password",
    required: true,
    autocomplete: "current-password",
    maxlength: 1000,
  });
  /** @param {Event} event */
  const enter = async (event) => {
    event.preventDefault();
    wrong.textContent = "";
    try {
      await tell(`${API}/session`, {secret: secret.value});
    } catch (error) {
      secret.select();
      wrong.textContent = sentence(error);
      return;
    }
    draw();
  };
  wrong.textContent = "";
  main.replaceChildren(
    element(
      "form",
      {class: "sign-in", onsubmit: enter},
      element("h1", {}, t("admin.title")),
      element("label", {}, t("admin.secret"), secret),
      wrong,
      element("button", {class: "quiet strong"}, t("admin.enter")),
      back(),
    ),
  );
  main.removeAttribute("aria-busy");
  secret.focus();
};

/* ------------------------------------------------------------ the view */

/** Tells whether something in the view is being chosen, and must not go away. */
const busy = () => {
  const here = find(main, ".view");
  return here.querySelector(".quiet.bad") || (here.contains(document.activeElement) && here !== document.activeElement);
};
const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(() => (document.hidden || busy() ? soon() : draw()), LATER);
};
/** @param {string} name */
const link = (name) =>
  element("a", {href: `#${name}`, "aria-current": name === view() ? "page" : null}, t(`admin.${name}`));
const masthead = () =>
  element(
    "header",
    {class: "masthead"},
    element("h1", {}, t("admin.title")),
    back(),
    element(
      "nav",
      {class: "views", "aria-label": t("admin.title")},
      ...Object.keys(VIEWS).map(link),
      element("button", {type: "button", onclick: leave}, t("admin.leave")),
    ),
  );
/**
 * Shows a view; the focus stays where it was: on its link, or in the view.
 * @param {string} name
 * @param {(HTMLElement | null)[]} parts
 */
const show = (name, parts) => {
  const before = document.activeElement;
  const focused = before?.closest(".masthead") ? before.getAttribute("href") : null;
  const inside = before?.closest(".view"); // what was pressed goes with its view
  const here = element("section", {class: "view", tabindex: -1, "aria-label": t(`admin.${name}`)}, parts);
  main.replaceChildren(masthead(), wrong, here);
  if (focused) find(main, `.masthead a[href="${focused}"]`).focus();
  else if (inside) here.focus({preventScroll: true});
  main.removeAttribute("aria-busy");
};
const draw = async () => {
  const mine = ++drawing,
    name = view();
  let again = name === "overview";
  /** @type {(HTMLElement | null)[]} */
  let parts = [];
  try {
    parts = await VIEWS[name]();
  } catch (error) {
    if (status(error) === 401) return signIn();
    failed(error);
    again &&= Boolean(main.querySelector(".view"));
  }
  if (mine !== drawing) return;
  show(name, parts);
  if (again) soon();
};

setUpPage(t("admin.title"));
useShell({draw, signIn});
addEventListener("hashchange", () => {
  clearTimeout(timer);
  wrong.textContent = "";
  draw();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && view() === "overview" && main.querySelector(".view")) draw();
});
draw();
