/* "Your pictures": the visitor's jobs as tiles, the newest first. */
import {button} from "../core/controls.js";
import {element, find, reconcile, setText} from "../core/dom.js";
import {mark} from "../films/player.js";
import {icon} from "../core/icons.js";
import {moment, span, t} from "../core/text.js";
import {active, chosen, known, link, more, progressText, state} from "./jobs.js";

/** @type {Partial<Record<Api.Status, string>>} */
const SIGNS = {failed: "warn", cancelled: "stop"};
let strip = element("section");
/** @type {(id: string) => void} */
let show = () => {};

/** @param {Page.Job} job */
const tile = (job) => {
  const when = moment(job.submitted),
    name = t(`state.${job.state}`);
  const face =
    job.state === "done"
      ? element("img", {src: link(job, "thumbnail"), alt: "", loading: "lazy"})
      : element("span", {class: "glyph"}, icon(SIGNS[job.state] ?? "clock"), element("span", {}, name));
  return element(
    "button",
    {
      type: "button",
      class: "tile",
      "data-state": job.state,
      "aria-label": `${name}, ${when}: ${[job.film ? t("film") : "", ...chosen(job)].filter(Boolean).join(", ")}`,
      title: when,
      onclick: () => show(job.id),
    },
    face,
    job.film ? mark() : null,
  );
};
/** Where a waiting or running job is, and since when.
 * @param {Page.Job} job */
const brief = (job) => {
  const where = job.state === "running" && job.progress > 0 ? `${Math.round(job.progress * 100)} %` : progressText(job);
  return `${where}\n${span(job.elapsed)}`;
};
/** @param {() => void} redraw */
const fill = (redraw) =>
  strip.replaceChildren(
    element("h2", {id: "strip-title"}, t("yours")),
    element("p", {class: "none"}, t("yours.none")),
    element("div", {class: "tiles"}),
    button(
      t("older"),
      null,
      async () => {
        await more();
        redraw();
      },
      {class: "quiet older", hidden: true},
    ),
  );

export const draw = () => {
  const newest = [...known.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  const tiles = reconcile(find(strip, ".tiles"), newest, {key: (job) => job.id, face: (job) => job.state, make: tile});
  newest.forEach((job, place) => {
    if (active(job)) setText(find(tiles[place], ".glyph span"), brief(job));
    tiles[place].setAttribute("aria-current", String(job.id === state.shown));
  });
  find(strip, ".none").hidden = newest.length > 0;
  find(strip, ".older").hidden = state.older === null;
};
/**
 * @param {HTMLElement} host
 * @param {(id: string) => void} onchosen
 * @param {() => void} redraw
 */
export const start = (host, onchosen, redraw) => {
  strip = host;
  show = onchosen;
  fill(redraw);
};
