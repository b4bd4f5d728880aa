/* The overview: how the queue and the workers are doing. */
import {ask} from "../core/api.js";
import {anchor, row, rows, small, what} from "../core/controls.js";
import {element} from "../core/dom.js";
import {bulk, moment, span, t} from "../core/text.js";
import {API, does} from "./actions.js";

const LONG = 120; // seconds that a job may wait before that is marked

/** @typedef {{done: number, failed: number, seconds: number | null}} Pace */
/** @typedef {{name: string, device: string, code: boolean, version: string, jobs: string[]}} Worker */
/** @typedef {Api.Overview & {pace: {hour: Pace, day: Pace}, workers: Worker[], queue: {ok: boolean, waiting: number}}} Overview */

/**
 * @param {string} name
 * @param {string | number} value
 */
const figure = (name, value, bad = false) =>
  element("div", {class: bad ? "figure bad" : "figure"}, element("dt", {}, name), element("dd", {}, String(value)));
/** @param {Overview} now */
const serviceState = (now) =>
  element(
    "div",
    {class: "row"},
    what(
      element("strong", {role: "status"}, t(`admin.${now.state}`)),
      small(t(`admin.${now.state}.text`), now.since ? t("admin.since", {when: moment(now.since)}) : ""),
    ),
    element(
      "div",
      {class: "actions"},
      now.state === "open"
        ? [does("admin.pause", "/pause"), does("admin.drain", "/drain")]
        : does("admin.resume", "/resume"),
    ),
  );
/** @param {Worker} one */
const worker = (one) =>
  row(
    what(
      element("strong", {}, one.name),
      small(
        one.device,
        one.code && t("admin.code"),
        one.version,
        one.jobs.length ? t("admin.working", {jobs: one.jobs.join(", ")}) : t("admin.idle"),
      ),
    ),
  );

export const overview = async () => {
  /** @type {Overview} */
  const now = await ask(`${API}/state`);
  const {hour, day} = now.pace;
  return [
    serviceState(now),
    element(
      "dl",
      {class: "figures"},
      figure(t("state.queued"), now.jobs.queued),
      figure(t("state.running"), now.jobs.running),
      figure(
        t("admin.oldest"),
        now.oldest === null ? "–" : span(now.oldest),
        now.oldest !== null && now.oldest > LONG && now.state === "open",
      ),
      figure(t("admin.hour"), hour.done),
      figure(t("admin.day"), day.done),
      figure(t("admin.mean"), hour.seconds === null ? "–" : span(hour.seconds)),
      figure(t("admin.failed"), `${hour.failed} / ${day.failed}`, hour.failed > 0),
      figure(t("admin.kept"), now.most ? `${bulk(now.kept)} / ${bulk(now.most)}` : bulk(now.kept)),
      figure(t("admin.queue"), now.queue.ok ? now.queue.waiting : t("admin.gone"), !now.queue.ok),
      figure(t("admin.sweep"), t(now.sweep ? "admin.there" : "admin.gone"), !now.sweep),
    ),
    now.reported ? anchor(t("admin.review"), "flag", {href: "#reports"}) : null,
    element("h2", {}, t("admin.workers")),
    rows(now.workers.map(worker), t("admin.workers.none")),
  ];
};
