/* The part of the page that shows jobs: the stage and "Your pictures".
 *
 * All it knows comes from /api/v1; what it shows goes in as text, never as HTML. Gradio calls
 * start and sent, and nothing else.
 */
import {ask, reached} from "../core/api.js";
import {DOUBLE, anchor, button, compare, message, settings} from "../core/controls.js";
import {element, shaped} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {about, moment, span, t} from "../core/text.js";
import {settled} from "./field.js";
import {bell, ended} from "../core/notifications.js";
import {refresh as refreshRecent} from "./recent.js";
import * as preview from "./preview.js";

const JOBS = "/api/v1/jobs";
const PAGE = 24; // jobs of one "show older"
const SOON = 600, LATER = 4000; // milliseconds between looks: while seen, and hidden or failing

const known = new Map(); // id → job, as the API tells it
let shown = null; // id of the job on the stage
let older = null; // where the next page of the strip begins
let away = false; // the server does not answer
let timer = 0;
let stage = null, strip = null, tell = null; // tell: Gradio's trigger
let unreached = null; // says that the studio does not answer
let sweep = (sessionStorage.getItem("sweep") || "").split(" ").filter(Boolean); // ids, by strength

const active = (job) => job.state === "queued" || job.state === "running";
const link = (job, what) => `${JOBS}/${job.id}/${what}`;
const when = (job) => moment(job.submitted);
const chosen = (job) => settings(job.options, job.styles, job.masks, job.network);

/* ------------------------------------------------------------ words about a job */

const standing = (job) => {
  if (away) return t("away.job");
  if (job.cancelling) return t("stopping");
  if (job.state === "queued") {
    if (job.position > 1) return t("line.number", {count: job.position});
    return job.elapsed > 20 ? t("line.worker") : t("line.next");
  }
  return t(job.stage ? `stage.${job.stage}` : "stage.start");
};
const gate = (job) => { // what the keeper decided
  if (job.studio === "paused" && job.state === "queued") return t("gate.paused");
  return job.studio === "draining" ? t("gate.draining") : "";
};
const times = (job) => {
  const parts = [t("so.far", {span: span(job.elapsed)})];
  if (job.estimate !== null && job.estimate >= 0.5) parts.push(t("to.go", {span: about(job.estimate)}));
  return parts.join(" · ");
};

/* ------------------------------------------------------------ the stage */

const done = (job) => [
  compare(link(job, "result"), link(job, "content"), job.width, job.height),
  element("div", {class: "actions"},
    anchor(t("download"), "save", {href: link(job, "result"), download: `adain-studio-${job.id.slice(-8)}.png`, class: "quiet strong"}),
    anchor(t("full.size"), "open", {href: link(job, "result"), target: "_blank", rel: "noopener"}),
    button(t("use.settings"), "again", () => calls("reuse", {options: job.options})),
    button(t("sweep"), "steps", (event) => { event.currentTarget.disabled = true; calls("sweep", {id: job.id}); }, {class: "quiet sweeper"}),
  ),
  element("ul", {class: "facts"},
    ...chosen(job).map((text) => element("li", {}, text)),
    element("li", {}, `${job.width} × ${job.height}`),
    element("li", {}, t("made.in", {span: span(job.elapsed)})),
  ),
];
const waiting = (job) => [
  shaped(element("div", {class: "veil"}, element("img", {src: link(job, "content"), alt: t("alt.waiting")})), job.width, job.height),
  element("div", {class: "card"},
    element("p", {class: "standing", role: "status"}, standing(job)),
    element("p", {class: "hint gate", role: "status"}, gate(job)),
    element("progress", {max: 1, "aria-label": t("progress")}),
    element("div", {class: "line"},
      element("span", {class: "times"}, times(job)),
      bell(),
      button(t("cancel"), null, () => cancel(job.id), {id: "cancel"}),
    ),
  ),
];
const retry = (job) => button(t("try.again"), null, (event) => { event.currentTarget.disabled = true; calls("retry", {id: job.id}); }, {class: "quiet sweeper"});
const drawn = (job) => {
  switch (job.state) {
    case "done": return done(job);
    case "failed": return [message("warn", t("failed.title"), job.error || t("failed.text"), retry(job))];
    case "cancelled": return [message("stop", t("cancelled.title"), t("cancelled.text"), retry(job))];
    default: return waiting(job);
  }
};
const refresh = (job) => { // what changes while a job stays in its state
  const bar = stage.querySelector("progress");
  if (!bar) return;
  const text = stage.querySelector(".standing");
  if (text.textContent !== standing(job)) text.textContent = standing(job);
  stage.querySelector(".times").textContent = times(job);
  stage.querySelector(".gate").textContent = gate(job);
  stage.querySelector("#cancel").disabled = Boolean(job.cancelling);
  if (job.state === "running" && job.progress > 0) bar.value = job.progress;
  else bar.removeAttribute("value");
};
const step = (job) => element("button", {
  type: "button", class: "step", "aria-current": String(job.id === shown), onclick: () => show(job.id),
  "aria-label": `${t("strength.is", {count: Math.round(job.options.alpha * 100)})}, ${t(`state.${job.state}`)}`,
},
  job.state === "done" ? element("img", {src: link(job, "thumbnail"), alt: ""}) : element("span", {class: "glyph"}, icon(active(job) ? "clock" : "warn")),
  element("span", {}, String(Math.round(job.options.alpha * 100))));
const drawSweep = () => { // the strip of one picture at several strengths
  const row = stage.querySelector(".sweep");
  const steps = sweep.includes(shown) ? sweep.filter((id) => known.has(id)).map((id) => known.get(id)) : [];
  const face = steps.map((job) => `${job.id} ${job.state} ${job.id === shown}`).join();
  if (row ? row.dataset.face === face : !face) return;
  const focused = row?.contains(document.activeElement);
  row?.remove();
  if (!face) return;
  stage.append(element("div", {class: "sweep", role: "group", "aria-label": t("sweep"), "data-face": face}, steps.map(step)));
  if (focused) stage.querySelector('.step[aria-current="true"]').focus();
};
const drawStage = () => {
  const job = known.get(shown);
  if (preview.shown()) { // until the visitor turns to a picture
    stage.querySelector(".sweep")?.remove();
    return preview.draw(job ? button(t("preview.back"), "back", () => show(job.id)) : null);
  }
  const face = job ? `${job.id} ${job.state}` : "empty";
  if (stage.dataset.face !== face) {
    stage.dataset.face = face;
    stage.dataset.state = job ? job.state : "empty";
    stage.replaceChildren(...(job ? drawn(job) : [message("easel", t("empty.title"), t("empty.text"))]));
  }
  if (job) refresh(job);
  drawSweep();
};

/* ------------------------------------------------------------ "Your pictures" */

const tile = (job) => {
  const face = job.state === "done"
    ? element("img", {src: link(job, "thumbnail"), alt: "", loading: "lazy"})
    : element("span", {class: "glyph"}, icon({failed: "warn", cancelled: "stop"}[job.state] || "clock"), element("span", {}, t(`state.${job.state}`)));
  return element("button", {
    type: "button", class: "tile", "data-id": job.id, "data-state": job.state,
    "aria-label": `${t(`state.${job.state}`)}, ${when(job)}: ${chosen(job).join(", ")}`, title: when(job),
    onclick: () => { show(job.id); stage.scrollIntoView({block: "nearest", behavior: "smooth"}); },
  }, face);
};
const brief = (told, job) => { // where a waiting or running one is, and since when
  const where = job.state === "running" && job.progress > 0 ? `${Math.round(job.progress * 100)} %` : standing(job);
  const text = `${where}\n${span(job.elapsed)}`;
  if (told.textContent !== text) told.textContent = text;
};
const drawStrip = () => {
  const newest = [...known.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  const list = strip.querySelector(".tiles");
  const old = new Map([...list.children].map((one) => [one.dataset.id, one]));
  for (const [id, one] of old) if (!known.has(id)) one.remove();
  newest.forEach((job, place) => {
    let one = old.get(job.id);
    if (!one || one.dataset.state !== job.state) {
      const fresh = tile(job);
      if (one) one.replaceWith(fresh);
      one = fresh;
    }
    if (active(job)) brief(one.querySelector(".glyph span"), job);
    if (list.children[place] !== one) list.insertBefore(one, list.children[place] || null);
    one.setAttribute("aria-current", String(job.id === shown));
  });
  strip.querySelector(".none").hidden = newest.length > 0;
  strip.querySelector(".older").hidden = older === null;
};

/* ------------------------------------------------------------ keeping up */

const draw = () => { drawStage(); drawStrip(); };
const learn = (job) => {
  const before = known.get(job.id);
  if (before && active(before) && !active(job) && !job.batch) ended(job.id, t(`state.${job.state}`)); // a batch is told of as one
  if (before && active(before) && job.state === "done") refreshRecent();
  known.set(job.id, {...job, cancelling: before?.cancelling && active(job)});
};
const show = (id) => { preview.end(); shown = id; draw(); };

const lookAt = async (job) => {
  try { learn(await ask(`${JOBS}/${job.id}`)); } catch (error) {
    if (error.status !== 404) throw error;
    known.delete(job.id); // no longer kept
  }
};
const look = async () => {
  clearTimeout(timer);
  const open = [...known.values()].filter(active).slice(0, 6);
  try {
    await Promise.all(open.map(lookAt));
    away = false;
  } catch (error) {
    away = true;
  }
  draw();
  if ([...known.values()].some(active)) timer = setTimeout(look, away || document.hidden ? LATER : SOON);
};
const more = async () => {
  const page = await ask(`${JOBS}?limit=${PAGE}${older ? `&before=${older}` : ""}`);
  page.jobs.forEach(learn);
  older = page.next;
  return page.jobs;
};
const cancel = async (id) => {
  known.get(id).cancelling = true;
  draw();
  try { learn(await ask(`${JOBS}/${id}`, {method: "DELETE"})); } catch (error) { away = true; }
  look();
};
const begin = async () => {
  try {
    const newest = await more();
    if (shown === null && newest.length) shown = newest[0].id;
    stage.removeAttribute("aria-busy");
  } catch (error) {
    stage.replaceChildren(message("warn", t("away.title"), t("away.text")));
    timer = setTimeout(begin, LATER);
    return;
  }
  look();
};

export const forget = (ids) => { // deleted in the gallery
  for (const id of ids) known.delete(id);
  if (ids.length) refreshRecent();
  if (stage && ids.length) draw();
};

/* ------------------------------------------------------------ what Gradio calls */

export const start = (host, trigger) => {
  stage = host.querySelector("#stage");
  strip = host.querySelector("#strip");
  tell = trigger;
  preview.start(stage, () => tell("preview", {}), () => ![...known.values()].some(active), draw);
  fillStrip();
  stage.setAttribute("aria-busy", "true");
  stage.replaceChildren(message("clock", t("moment.title"), t("moment.text")));
  document.addEventListener("visibilitychange", () => { if (!document.hidden && stage.dataset.face) look(); });
  document.addEventListener("click", press, true);
  unreached = element("p", {class: "wrong", role: "alert"});
  document.querySelector("#send").before(unreached);
  begin();
};
let pressed = 0, passing = false;
const press = async (event) => { // a double click is one wish; it waits for uploads, and for the network
  const knob = event.target.closest?.("#send");
  if (!knob || passing) return;
  event.stopPropagation();
  event.preventDefault();
  if (Date.now() - pressed < DOUBLE) return;
  pressed = Date.now();
  await settled();
  if (!(await there())) return void (pressed = 0);
  passing = true;
  knob.click();
  passing = false;
};
/* Gradio gives up its page when a call does not get through; so none is made while nothing does. */
const there = async () => {
  const answers = await reached();
  unreached.textContent = answers ? "" : t("away");
  if (!answers) unreached.scrollIntoView({block: "nearest", behavior: "smooth"});
  return answers;
};
const calls = async (event, data) => {
  if (await there()) tell(event, data);
  else for (const knob of stage.querySelectorAll(".sweeper")) knob.disabled = false;
};
const fillStrip = () => {
  strip.replaceChildren(
    element("h2", {id: "strip-title"}, t("yours")),
    element("p", {class: "none"}, t("yours.none")),
    element("div", {class: "tiles"}),
    button(t("older"), null, async () => { await more(); draw(); }, {class: "quiet older", hidden: true}),
  );
};
export const sent = async (told) => { // the ids of the jobs that were accepted
  const ids = told.split(" ").filter(Boolean);
  if (!ids.length) pressed = 0; // refused: the next press counts, however soon
  if (document.querySelector("#notice [role=alert]")) document.querySelector("#notice").scrollIntoView({block: "nearest", behavior: "smooth"});
  for (const knob of stage.querySelectorAll(".sweeper")) knob.disabled = false;
  if (!ids.length) return;
  preview.end();
  if (ids.length > 1) sessionStorage.setItem("sweep", (sweep = ids).join(" "));
  shown = ids[0];
  try { await Promise.all(ids.map(async (id) => learn(await ask(`${JOBS}/${id}`)))); } catch (error) { return setTimeout(sent, LATER, told); }
  look();
  stage.scrollIntoView({block: "nearest", behavior: "smooth"});
};
