/* The visitor's jobs, as the API tells them; asked for again while one is queued or running. */
import {ask, status} from "../core/api.js";
import {ended} from "../core/notifications.js";
import {under} from "../core/place.js";
import {settings, t} from "../core/text.js";
import {refresh as refreshRecent} from "./recent.js";
import {isFilm} from "./uploads.js";

const JOBS = under("/api/v1/jobs");
const PAGE = 24; // jobs of one "show older"
const AT_ONCE = 6; // jobs asked for in one look
const SOON = 600,
  LATER = 4000; // milliseconds between looks: while seen, and hidden or failing

/** @type {Map<string, Page.Job>} by id */
export const known = new Map();
export const state = {
  away: false, // the server does not answer
  /** @type {string | null} where the next page begins */
  older: null,
  /** @type {string | null} id of the job on the stage */
  shown: null,
};
const SHOWN = "shown"; // in this tab's storage: id of the job on the stage
let timer = 0;
let draw = () => {};

/** @param {Api.JobView | Api.CellView} job */
export const active = (job) => job.state === "queued" || job.state === "running";
export const anyActive = () => [...known.values()].some(active);
/** Tells whether a job is being made that previews wait for; between the steps of a long one they are made. */
export const anyQuick = () =>
  [...known.values()].some((job) => active(job) && ["adain", undefined].includes(job.options.method));
/** Puts a job on the stage, in this tab also after a reload.
 * @param {string} id */
export const stand = (id) => {
  state.shown = id;
  try {
    sessionStorage.setItem(SHOWN, id);
  } catch {
    /* a browser without storage forgets */
  }
};
/** What this tab showed last; in a new tab the newest job that is made or being made.
 * @param {Page.Job[]} newest */
const first = (newest) => {
  try {
    const kept = sessionStorage.getItem(SHOWN);
    if (kept && known.has(kept)) return kept;
  } catch {
    /* as if nothing was kept */
  }
  return newest.find((job) => active(job) || job.state === "done")?.id ?? null;
};
/**
 * @param {Api.JobView} job
 * @param {string} what
 */
export const link = (job, what) => `${JOBS}/${job.id}/${what}`;
/** Where the finished picture is, of a film its first frame.
 * @param {Api.JobView} job */
export const still = (job) => link(job, job.film ? "picture" : "result");
/** @param {Api.JobView} job */
export const chosen = (job) => settings(job.options, job.styles, job.masks, job.network);

/** Where a job is that has not ended, as a sentence.
 * @param {Page.Job} job */
export const progressText = (job) => {
  if (state.away) return t("away.job");
  if (job.cancelling) return t("stopping");
  if (job.state === "queued") {
    if (job.position > 1) return t("line.number", {count: job.position});
    return job.elapsed > 20 ? t("line.worker") : t("line.next");
  }
  const stage = t(job.stage ? `stage.${job.stage}` : "stage.start");
  return job.steps ? t("stage.step", {stage, step: job.step, steps: job.steps}) : stage;
};

/** @param {Api.JobView} job */
const learn = (job) => {
  const before = known.get(job.id);
  const over = before && active(before) && !active(job);
  if (over && !job.batch) ended(job.id, t(`state.${job.state}`)); // a batch has one notification
  if (over && job.state === "done") refreshRecent();
  if (job.film) isFilm(`job:${job.id}/content`, job.film.seconds);
  known.set(job.id, {...job, cancelling: before?.cancelling && active(job)});
  if (over) document.dispatchEvent(new Event("made"));
};
/** @param {string} id */
export const fetchJob = async (id) => learn(await ask(`${JOBS}/${id}`));
/** @param {Page.Job} job */
const lookAt = async (job) => {
  try {
    await fetchJob(job.id);
  } catch (error) {
    if (status(error) !== 404) throw error;
    known.delete(job.id); // no longer kept
  }
};
export const look = async () => {
  clearTimeout(timer);
  const open = [...known.values()].filter(active).slice(0, AT_ONCE);
  try {
    await Promise.all(open.map(lookAt));
    state.away = false;
  } catch {
    state.away = true;
  }
  draw();
  document.documentElement.dataset.making = String(anyActive());
  if (anyActive()) timer = setTimeout(look, state.away || document.hidden ? LATER : SOON);
};
/** Asks for the next page of older jobs. */
export const more = async () => {
  /** @type {Api.JobPage} */
  const page = await ask(`${JOBS}?limit=${PAGE}${state.older ? `&before=${state.older}` : ""}`);
  page.jobs.forEach(learn);
  state.older = page.next;
  return page.jobs;
};
/** @param {Page.Job} job */
export const cancel = async (job) => {
  job.cancelling = true;
  draw();
  try {
    learn(await ask(`${JOBS}/${job.id}`, {method: "DELETE"}));
  } catch {
    state.away = true;
  }
  look();
};
/** Forgets jobs that were deleted in the gallery.
 * @param {string[]} ids */
export const forget = (ids) => {
  for (const id of ids) known.delete(id);
  if (ids.includes(state.shown ?? "")) state.shown = [...known.keys()].sort().at(-1) ?? null;
  if (!ids.length) return;
  refreshRecent();
  draw();
};

/**
 * Fetches the newest jobs and keeps them up to date.
 * @param {() => void} changed draws them
 * @param {() => void} failed says that they can't be had yet
 */
export const start = async (changed, failed) => {
  draw = changed;
  try {
    const newest = await more();
    state.shown ??= first(newest);
  } catch {
    failed();
    timer = setTimeout(start, LATER, changed, failed);
    return;
  }
  look();
};
