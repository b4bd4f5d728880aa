/* The history of one's own picture, as a tree: what it was made from, itself, what was made from it. */
import {ask, sentence} from "../core/api.js";
import {element, find} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {moment, t} from "../core/text.js";
import {mark} from "../films/player.js";
import {GALLERY} from "./state.js";

/** @typedef {(id: string) => unknown} Turn what a press on a picture does */

/** @param {Api.RelativeView} one
 * @param {Turn} turn */
const picture = (one, turn) => {
  const title = one.title || t("untitled");
  const text = one.finished ? `${title}, ${moment(one.finished)}` : title;
  return element(
    "button",
    {type: "button", class: "relative", title: text, "aria-label": text, onclick: () => turn(one.id)},
    element("img", {src: one.thumbnail, alt: "", loading: "lazy"}),
    one.film ? mark() : null,
  );
};
const gone = () =>
  element(
    "span",
    {class: "relative gone", role: "img", "aria-label": t("history.gone"), title: t("history.gone")},
    icon("bin"),
  );
const more = () => element("li", {class: "rest"}, t("history.more"));
/** @param {string} id */
const itself = (id) =>
  element(
    "span",
    {class: "relative", "aria-current": "true"},
    element("img", {src: `${GALLERY}/${id}/thumbnail`, alt: t("history.this")}),
  );
/** @param {string} id
 * @param {Api.HistoryView} found
 * @param {Turn} turn */
const tree = (id, {ancestors, children, earlier, later}, turn) => [
  element("h3", {}, t("history")),
  element(
    "ol",
    {class: "line-of"},
    earlier ? more() : null,
    ancestors.map((one) => element("li", {}, one ? picture(one, turn) : gone())),
    element("li", {}, itself(id)),
  ),
  children.length
    ? element(
        "div",
        {class: "descent"},
        element("p", {class: "hint"}, t("history.children")),
        element(
          "ul",
          {class: "children", "aria-label": t("history.children")},
          children.map((one) => element("li", {}, picture(one, turn))),
          later ? more() : null,
        ),
      )
    : null,
];
/**
 * A part of the dialog, which stays hidden if the picture has no history.
 * @param {string} id of a picture of one's own
 * @param {Turn} turn
 */
export const section = (id, turn) => {
  const box = element("section", {class: "history", hidden: true, "aria-label": t("history")});
  /** @param {Api.HistoryView} found */
  const fill = (found) => {
    if (!found.ancestors.length && !found.children.length) return;
    box.append(...tree(id, found, turn).filter((part) => part !== null));
    box.hidden = false;
    const line = find(box, ".line-of");
    line.scrollLeft = line.scrollWidth; // the picture itself is in sight
  };
  /** @param {unknown} error */
  const fail = (error) => {
    box.append(element("p", {class: "bad-news"}, sentence(error)));
    box.hidden = false;
  };
  ask(`${GALLERY}/${id}/history`).then(fill, fail);
  return box;
};
