/* One picture at several strengths, as a row below the stage. */
import {element, reconcile} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {t} from "../core/text.js";
import {active, known, link, state} from "./jobs.js";

const KEPT = "sweep"; // in this tab's storage: the ids, by strength
let ids = (sessionStorage.getItem(KEPT) || "").split(" ").filter(Boolean);

/** @param {string[]} submitted ids, by strength */
export const remember = (submitted) => sessionStorage.setItem(KEPT, (ids = submitted).join(" "));

/** @param {Page.Job} job */
const percent = (job) => Math.round(job.options.alpha * 100);
/**
 * @param {Page.Job} job
 * @param {(id: string) => void} show
 */
const step = (job, show) =>
  element(
    "button",
    {
      type: "button",
      class: "step",
      "aria-current": String(job.id === state.shown),
      onclick: () => show(job.id),
      "aria-label": `${t("strength.is", {count: percent(job)})}, ${t(`state.${job.state}`)}`,
    },
    job.state === "done"
      ? element("img", {src: link(job, "thumbnail"), alt: ""})
      : element("span", {class: "glyph"}, icon(active(job) ? "clock" : "warn")),
    element("span", {}, String(percent(job))),
  );

/**
 * @param {HTMLElement} stage
 * @param {(id: string) => void} show
 */
export const draw = (stage, show) => {
  const jobs =
    state.shown && ids.includes(state.shown) ? ids.map((id) => known.get(id)).filter((job) => job !== undefined) : [];
  let row = stage.querySelector(".strengths");
  if (!jobs.length) return row?.remove();
  if (!(row instanceof HTMLElement)) {
    row = element("div", {class: "strengths", role: "group", "aria-label": t("strengths")});
    stage.append(row);
  }
  reconcile(/** @type {HTMLElement} */ (row), jobs, {
    key: (job) => job.id,
    face: (job) => `${job.state} ${job.id === state.shown}`,
    make: (job) => step(job, show),
  });
};
