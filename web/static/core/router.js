/* Which view is shown and where in it, as the address bar has it:
 *
 *   #gallery   #gallery/public?text=sea&order=oldest   #gallery?page=3   #gallery?entry=019a…
 *   #batch   #you   anything else: the studio
 *
 * So reloading, going back and a kept address come to the same place. How far an endless list
 * was walked goes into the history beside it.
 */
import {all} from "./dom.js";

const VIEWS = ["gallery", "batch", "you"]; // besides the studio
/** @type {((place: Page.Place) => void)[]} */
const followers = [];

/** @returns {Page.Place} */
export const read = () => {
  const [path, query] = location.hash.slice(1).split("?");
  const [name, which] = path.split("/");
  const filters = new URLSearchParams(query);
  /** @param {string} name */
  const take = (name) => {
    const value = filters.get(name);
    filters.delete(name);
    return value;
  };
  const page = Math.max(0, Number.parseInt(take("page") ?? "", 10) || 0);
  const view = VIEWS.includes(name) ? name : "studio";
  return {view, scope: which === "public" ? "public" : "mine", page, entry: take("entry"), filters};
};

/** @param {Page.Place} place */
const hash = ({scope, filters, page, entry}) => {
  const query = new URLSearchParams(filters);
  if (page) query.set("page", String(page));
  if (entry) query.set("entry", entry);
  const path = scope === "public" ? "#gallery/public" : "#gallery";
  return query.size ? `${path}?${query}` : path;
};
/** Which list of the gallery is shown, apart from what is open.
 * @param {Page.Place} place */
export const list = (place) => hash({...place, entry: null});
/** Goes to a place, as a step that can be taken back.
 * @param {Page.Place} place
 * @param {object | null} [state] */
export const turn = (place, state = null) => history.pushState(state, "", hash(place));
/** Corrects the place that is shown.
 * @param {Page.Place} place
 * @param {object | null} [state] */
export const mend = (place, state = history.state) => history.replaceState(state, "", hash(place));

const show = () => {
  const {view} = read();
  document.documentElement.dataset.view = view;
  for (const link of all(document, ".views a")) {
    if (link.getAttribute("href") === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
};
/** Calls a view with the place, now and whenever it changes.
 * @param {(place: Page.Place) => void} view */
export const follow = (view) => {
  followers.push(view);
  show();
  view(read());
};
addEventListener("popstate", () => {
  show();
  for (const view of followers) view(read());
});
