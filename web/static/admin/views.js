/* The admin's lists: jobs, reported entries, limits, blocks and the audit. */
import {ask} from "../core/api.js";
import {button, row, rows, small, video, what} from "../core/controls.js";
import {element} from "../core/dom.js";
import {moment, span, t} from "../core/text.js";
import {API, act, block, does, endless, remove, surely} from "./actions.js";

const STATES = ["queued", "running", "failed", "cancelled", "done"];
const SHORT = 12; // characters shown of a visitor's id

/** @typedef {{name: string, description: string, set: number, changed: number | null}} Limit */
/** @typedef {{who: string, since: number, reason: string}} Block */
/** @typedef {{made: number, what: string, about: string, outcome: string, detail: Record<string, unknown>, origin: string}} Act */

/** @param {string} owner */
const visitor = (owner) => t("admin.visitor", {name: owner.slice(0, SHORT)});

/* ------------------------------------------------------------ jobs */

/** @param {Api.Row} one */
const job = (one) =>
  row(
    what(
      element("span", {}, element("strong", {}, t(`state.${one.status}`)), " ", element("code", {}, one.id)),
      one.error ? element("span", {class: "error"}, one.error) : null,
      small(
        moment(one.submitted),
        t("admin.attempt", {count: one.attempt}),
        one.worker,
        one.network,
        one.finished && one.started ? span(Math.max(0, one.finished - one.started)) : "",
      ),
      small(visitor(one.owner), one.binned && t("admin.binned")),
    ),
    element(
      "div",
      {class: "actions"},
      ["queued", "running"].includes(one.status) ? surely("cancel", `/jobs/${one.id}/cancel`) : null,
      ["running", "failed", "cancelled"].includes(one.status) ? does("admin.requeue", `/jobs/${one.id}/requeue`) : null,
      block(`owner:${one.owner}`, "admin.block.owner"),
      one.origin ? block(`origin:${one.origin}`, "admin.block.origin") : null,
      remove(one.id),
    ),
  );
export const jobs = async () => {
  const state = location.hash.split("/")[1] || "";
  /**
   * @param {string} name
   * @param {string} text
   */
  const tab = (name, text) =>
    element("a", {href: name ? `#jobs/${name}` : "#jobs", "aria-current": name === state ? "true" : null}, text);
  return [
    element(
      "nav",
      {class: "tabs", "aria-label": t("admin.jobs")},
      tab("", t("admin.all")),
      ...STATES.map((name) => tab(name, t(`state.${name}`))),
    ),
    ...(await endless(
      `/jobs?limit=24${state ? `&status=${state}` : ""}`,
      ({jobs: items}) => items,
      job,
      t("admin.jobs.none"),
    )),
  ];
};

/* ------------------------------------------------------------ reported entries */

/** A picture that opens in a tab of its own.
 * @param {string} href
 * @param {string} src
 * @param {string} name */
const opens = (href, src, name) =>
  element(
    "a",
    {href, target: "_blank", rel: "noopener", title: name},
    element("img", {src, alt: name, loading: "lazy"}),
  );
/** @param {Api.EntryView} entry */
const painted = ({title, film, picture, thumbnail}) => {
  const name = title || t("untitled");
  return film ? video(film, picture, name) : opens(picture, thumbnail, name);
};
/** What visitors see of an entry beside what was painted: the photo and the lent styles.
 * @param {Api.EntryView} entry */
const sources = ({content, offered}) => {
  const styles = offered.map(({sample, address}, place) =>
    sample ? null : opens(address, address, t("style.number", {count: place + 1})),
  );
  return element("div", {class: "sources"}, content && opens(content, content, t("photo")), ...styles);
};
/** @param {Api.Reported} one */
const reported = ({entry, owner, hidden, reports: words}) =>
  row(
    painted(entry),
    what(
      element("strong", {}, entry.title || t("untitled")),
      small(
        t("admin.reports.count", {count: words.length}),
        hidden ? t("admin.hidden") : t("published"),
        visitor(owner),
      ),
      ...words.filter((word) => word.reason).map((word) => element("blockquote", {}, word.reason)),
      sources(entry),
    ),
    element(
      "div",
      {class: "actions"},
      does("admin.stay", `/reports/${entry.id}/stay`),
      surely("admin.down", `/reports/${entry.id}/down`),
      remove(entry.id),
      block(`owner:${owner}`, "admin.block.owner"),
    ),
  );
export const reports = async () => {
  /** @type {Api.Reported[]} */
  const found = await ask(`${API}/reports?limit=100`);
  return [rows(found.map(reported), t("admin.reports.none"))];
};

/* ------------------------------------------------------------ limits */

/** @param {Limit} one */
const limit = (one) => {
  const field = element("input", {
    type: "number",
    min: 0,
    step: 1,
    required: true,
    value: one.changed ?? one.set,
    "aria-label": one.name,
  });
  /** @param {number | null} value */
  const put = (value) => act(`/limits/${one.name}`, {value}, "PUT");
  const form = element(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        put(Number(field.value));
      },
    },
    field,
    element("button", {class: "quiet"}, t("admin.set")),
    one.changed === null ? null : button(t("admin.unset", {count: one.set}), null, () => put(null)),
  );
  return row(what(element("code", {}, one.name), small(one.description)), form);
};
export const limits = async () => {
  /** @type {Limit[]} */
  const found = await ask(`${API}/limits`);
  return [element("p", {class: "none"}, t("admin.limits.text")), rows(found.map(limit))];
};

/* ------------------------------------------------------------ blocks */

/** What deletes all pictures of a blocked visitor.
 * @param {string} who */
const deleteAll = (who) =>
  who.startsWith("owner:")
    ? surely("admin.delete.all", `/owners/${encodeURIComponent(who.slice("owner:".length))}/jobs`, null, "DELETE")
    : null;
/** @param {Block} one */
const blocked = (one) =>
  row(
    what(element("code", {}, one.who), small(moment(one.since), one.reason)),
    element(
      "div",
      {class: "actions"},
      deleteAll(one.who),
      does("admin.unblock", `/blocks/${encodeURIComponent(one.who)}`, "DELETE"),
    ),
  );
const blocking = () => {
  const who = element("input", {
    required: true,
    placeholder: "owner:… / origin:…",
    "aria-label": t("admin.who"),
    maxlength: 100,
  });
  const reason = element("input", {placeholder: t("admin.reason"), "aria-label": t("admin.reason"), maxlength: 500});
  /** @param {Event} event */
  const send = (event) => {
    event.preventDefault();
    act("/blocks", {who: who.value.trim(), reason: reason.value});
  };
  return element(
    "div",
    {class: "row"},
    element("form", {onsubmit: send}, who, reason, element("button", {class: "quiet"}, t("admin.block"))),
  );
};
export const blocks = async () => {
  /** @type {Block[]} */
  const found = await ask(`${API}/blocks`);
  return [blocking(), rows(found.map(blocked), t("admin.blocks.none"))];
};

/* ------------------------------------------------------------ the audit */

/** @param {Act} one */
const done = (one) =>
  row(
    what(
      element("span", {}, element("strong", {}, one.what), " ", one.about ? element("code", {}, one.about) : null),
      one.outcome === "done" ? null : element("span", {class: "error"}, one.outcome),
      small(
        moment(one.made),
        Object.entries(one.detail)
          .map(([name, value]) => `${name}: ${value}`)
          .join(", "),
        t("admin.from", {origin: one.origin.slice(0, SHORT)}),
      ),
    ),
  );
export const audit = () => endless("/audit?limit=50", ({acts}) => acts, done, t("admin.audit.none"));
