/* The keeper's page: how the studio does, and what can be done about it; all of it from
 * /api/v1/admin, which asks for the secret. What it shows goes in as text, never as HTML.
 */
import {ask, tell} from "../core/api.js";
import {anchor, button, row, rows, small, twice, what} from "../core/controls.js";
import {element} from "../core/dom.js";
import {TITLE, bulk, language, moment, span, t} from "../core/text.js";

const API = "/api/v1/admin";
const LATER = 3000; // milliseconds between looks at the overview
const STATES = ["queued", "running", "failed", "cancelled", "done"];
const main = document.querySelector("#admin");
let timer = 0;

/* ------------------------------------------------------------ small parts */

const wrong = element("p", {class: "wrong", role: "alert"});
const figure = (name, value, bad = false) => element("div", {class: bad ? "figure bad" : "figure"}, element("dt", {}, name), element("dd", {}, String(value)));
const heading = (text) => element("h2", {}, text);

/* Does something, shows what went wrong, and draws the view anew. */
const act = async (address, body, method = "POST") => {
  wrong.textContent = "";
  try { await tell(API + address, body, method); } catch (error) { return failed(error); }
  draw();
};
const failed = (error) => {
  if (error.status === 401) return door();
  wrong.textContent = error.message;
};
const does = (name, address, body, method) => button(t(name), null, (event) => { event.currentTarget.disabled = true; act(address, body, method); });
const surely = (name, address, body) => twice(t(name), t("admin.sure"), null, () => act(address, body));
/* A list that goes on: `page` answers with some items and where the next ones begin. */
const endless = async (page, item, empty) => {
  const list = element("ul", {class: "rows"});
  const older = button(t("older"), null, () => load(older.before).catch(failed), {hidden: true});
  const load = async (before) => {
    const {items, next} = await page(before ? `&before=${before}` : "");
    list.append(...items.map(item));
    Object.assign(older, {hidden: !next, before: next});
  };
  await load();
  return list.children.length ? [list, older] : [element("p", {class: "none"}, empty)];
};

/* ------------------------------------------------------------ overview */

const busy = () => { // something in the view is being chosen, and must not go away
  const here = main.querySelector(".view");
  return here.querySelector(".quiet.bad") || (here.contains(document.activeElement) && here !== document.activeElement);
};
const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(() => (document.hidden || busy() ? soon() : draw()), LATER);
};

const gate = (told) => element("div", {class: "row"},
  what(element("strong", {role: "status"}, t(`admin.${told.state}`)), small(t(`admin.${told.state}.text`), told.since ? t("admin.since", {when: moment(told.since)}) : "")),
  element("div", {class: "actions"},
    told.state === "open" ? [does("admin.pause", "/pause"), does("admin.drain", "/drain")] : does("admin.resume", "/resume"),
  ));
const worker = (one) => row(what(element("strong", {}, one.name), small(one.device, one.code && t("admin.code"), one.version, one.jobs.length ? t("admin.working", {jobs: one.jobs.join(", ")}) : t("admin.idle"))));
const overview = async () => {
  const told = await ask(`${API}/state`);
  soon();
  const {hour, day} = told.pace;
  return [
    gate(told),
    element("dl", {class: "figures"},
      figure(t("state.queued"), told.jobs.queued),
      figure(t("state.running"), told.jobs.running),
      figure(t("admin.oldest"), told.oldest === null ? "–" : span(told.oldest), told.oldest > 120 && told.state === "open"),
      figure(t("admin.hour"), hour.done),
      figure(t("admin.day"), day.done),
      figure(t("admin.mean"), hour.seconds === null ? "–" : span(hour.seconds)),
      figure(t("admin.failed"), `${hour.failed} / ${day.failed}`, hour.failed > 0),
      figure(t("admin.kept"), told.most ? `${bulk(told.kept)} / ${bulk(told.most)}` : bulk(told.kept)),
      figure(t("admin.queue"), told.queue.ok ? told.queue.waiting : t("admin.gone"), !told.queue.ok),
      figure(t("admin.sweep"), t(told.sweep ? "admin.there" : "admin.gone"), !told.sweep),
    ),
    told.reported ? anchor(t("admin.review"), "flag", {href: "#reports"}) : null,
    heading(t("admin.workers")),
    rows(told.workers.map(worker), t("admin.workers.none")),
  ];
};

/* ------------------------------------------------------------ jobs */

const block = (who, name) => surely(name, "/blocks", {who});
const job = (one) => row(
  what(
    element("span", {}, element("strong", {}, t(`state.${one.status}`)), " ", element("code", {}, one.id)),
    one.error ? element("span", {class: "error"}, one.error) : null,
    small(moment(one.submitted), t("admin.attempt", {count: one.attempt}), one.worker, one.network, one.finished && one.started ? span(Math.max(0, one.finished - one.started)) : ""),
    small(t("admin.visitor", {name: one.owner.slice(0, 12)})),
  ),
  element("div", {class: "actions"},
    ["queued", "running"].includes(one.status) ? surely("cancel", `/jobs/${one.id}/cancel`) : null,
    ["running", "failed", "cancelled"].includes(one.status) ? does("admin.requeue", `/jobs/${one.id}/requeue`) : null,
    block(`owner:${one.owner}`, "admin.block.owner"),
    one.origin ? block(`origin:${one.origin}`, "admin.block.origin") : null,
  ));
const jobs = async () => {
  const state = location.hash.split("/")[1] || "";
  const page = async (before) => {
    const {jobs: items, next} = await ask(`${API}/jobs?limit=24${state ? `&status=${state}` : ""}${before}`);
    return {items, next};
  };
  const tab = (name, text) => element("a", {href: name ? `#jobs/${name}` : "#jobs", "aria-current": name === state ? "true" : null}, text);
  return [
    element("nav", {class: "tabs", "aria-label": t("admin.jobs")}, tab("", t("admin.all")), STATES.map((name) => tab(name, t(`state.${name}`)))),
    ...await endless(page, job, t("admin.jobs.none")),
  ];
};

/* ------------------------------------------------------------ review list, limits, blocks, audit */

const reported = ({entry, owner, hidden, reports: words}) => row(
  element("a", {href: entry.picture, target: "_blank", rel: "noopener"}, element("img", {src: entry.thumbnail, alt: entry.title || t("untitled")})),
  what(
    element("strong", {}, entry.title || t("untitled")),
    small(t("admin.reports.count", {count: words.length}), hidden ? t("admin.hidden") : t("published"), t("admin.visitor", {name: owner.slice(0, 12)})),
    words.filter((word) => word.reason).map((word) => element("blockquote", {}, word.reason)),
  ),
  element("div", {class: "actions"},
    does("admin.stay", `/reports/${entry.id}/stay`),
    surely("admin.down", `/reports/${entry.id}/down`),
    block(`owner:${owner}`, "admin.block.owner"),
  ));
const reports = async () => [rows((await ask(`${API}/reports?limit=100`)).map(reported), t("admin.reports.none"))];

const limit = (one) => {
  const field = element("input", {type: "number", min: 0, step: 1, required: true, value: one.changed ?? one.set, "aria-label": one.name});
  const put = (value) => act(`/limits/${one.name}`, {value}, "PUT");
  const form = element("form", {onsubmit: (event) => { event.preventDefault(); put(Number(field.value)); }},
    field,
    element("button", {class: "quiet"}, t("admin.set")),
    one.changed === null ? null : button(t("admin.unset", {count: one.set}), null, () => put(null)),
  );
  return row(what(element("code", {}, one.name), small(one.description)), form);
};
const limits = async () => [element("p", {class: "none"}, t("admin.limits.text")), rows((await ask(`${API}/limits`)).map(limit))];

const blocked = (one) => row(
  what(element("code", {}, one.who), small(moment(one.since), one.reason)),
  does("admin.unblock", `/blocks/${encodeURIComponent(one.who)}`, null, "DELETE"),
);
const blocking = () => {
  const who = element("input", {required: true, placeholder: "owner:… / origin:…", "aria-label": t("admin.who"), maxlength: 100});
  const reason = element("input", {placeholder: t("admin.reason"), "aria-label": t("admin.reason"), maxlength: 500});
  return element("div", {class: "row"}, element("form", {onsubmit: (event) => { event.preventDefault(); act("/blocks", {who: who.value.trim(), reason: reason.value}); }},
    who, reason, element("button", {class: "quiet"}, t("admin.block"))));
};
const blocks = async () => [blocking(), rows((await ask(`${API}/blocks`)).map(blocked), t("admin.blocks.none"))];

const done = (one) => row(what(
  element("span", {}, element("strong", {}, one.what), " ", one.about ? element("code", {}, one.about) : null),
  one.outcome === "done" ? null : element("span", {class: "error"}, one.outcome),
  small(moment(one.made), Object.entries(one.detail).map(([name, value]) => `${name}: ${value}`).join(", "), t("admin.from", {origin: one.origin.slice(0, 12)})),
));
const audit = () => endless(async (before) => {
  const {acts: items, next} = await ask(`${API}/audit?limit=50${before}`);
  return {items, next};
}, done, t("admin.audit.none"));

/* ------------------------------------------------------------ the whole */

const VIEWS = {overview, jobs, reports, limits, blocks, audit};
const view = () => (location.hash.slice(1).split("/")[0] in VIEWS ? location.hash.slice(1).split("/")[0] : "overview");
const leave = async () => {
  try { await ask(`${API}/session`, {method: "DELETE"}); } catch (error) { if (error.status !== 401) return failed(error); }
  door();
};
const masthead = () => element("header", {class: "masthead"},
  element("h1", {}, t("admin.title")),
  element("nav", {class: "views", "aria-label": t("admin.title")},
    Object.keys(VIEWS).map((name) => element("a", {href: `#${name}`, "aria-current": name === view() ? "page" : null}, t(`admin.${name}`))),
    element("button", {type: "button", onclick: leave}, t("admin.leave")),
  ));
const door = () => {
  clearTimeout(timer);
  const secret = element("input", {type: "password", required: true, autocomplete: "current-password", maxlength: 1000});
  const enter = async (event) => {
    event.preventDefault();
    wrong.textContent = "";
    try { await tell(`${API}/session`, {secret: secret.value}); } catch (error) { secret.select(); wrong.textContent = error.message; return; }
    draw();
  };
  wrong.textContent = "";
  main.replaceChildren(element("form", {class: "door", onsubmit: enter},
    element("h1", {}, t("admin.title")), element("label", {}, t("admin.secret"), secret), wrong, element("button", {class: "quiet strong"}, t("admin.enter"))));
  main.removeAttribute("aria-busy");
  secret.focus();
};
let drawing = 0;
const draw = async () => {
  const mine = ++drawing, name = view();
  let parts = [];
  try { parts = await VIEWS[name](); } catch (error) {
    if (error.status === 401) return door();
    failed(error);
    if (name === "overview" && main.querySelector(".view")) soon();
  }
  if (mine !== drawing) return;
  const before = document.activeElement, link = before?.closest(".masthead")?.contains(before) ? before.getAttribute("href") : null;
  const here = element("section", {class: "view", tabindex: -1, "aria-label": t(`admin.${name}`)}, parts.flat().filter(Boolean));
  const inside = before?.closest(".view"); // what was pressed goes with its view
  main.replaceChildren(masthead(), wrong, here);
  if (link) main.querySelector(`.masthead a[href="${link}"]`)?.focus();
  else if (inside) here.focus({preventScroll: true});
  main.removeAttribute("aria-busy");
};

document.documentElement.lang = language;
document.documentElement.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
document.title = `${t("admin.title")} · ${TITLE}`;
addEventListener("hashchange", () => { clearTimeout(timer); wrong.textContent = ""; draw(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && view() === "overview" && main.querySelector(".view")) draw(); });
draw();
