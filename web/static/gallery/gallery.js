/* The gallery: what a visitor made and what others made public, page by page from the API. */
import {ask, tell} from "../core/api.js";
import {button, compare, copied, hasty, message, released, rest, twice} from "../core/controls.js";
import {element, shaped} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {language, moment, speak, t} from "../core/text.js";
import {forget} from "../studio/studio.js";
import {downloads, facts, named, tags} from "./entry.js";
import * as where from "../core/router.js";

const GALLERY = "/api/v1/gallery";
const PAUSE = 250; // milliseconds without a key before a search
const PAGE = 24, MOST = 100; // entries of a page, and of one answer

const entries = new Map(); // id → entry, in the order shown
const picked = new Set(); // ids, while several are selected
let place = where.read(); // what is shown, as the address bar has it
let next = null; // cursor of the endless list
let pages = 1; // how many there are, when they are turned one by one
let listed = null; // which list is there, by its address
let asks = 0; // counts lists asked for; an answer to an earlier one is late and dropped
let loading = false, selecting = false;
let opened = null; // id of the entry that was open last
let root = null, dialog = null, form = null; // form: Gradio's trigger

const at = (name) => root.querySelector(`.${name}`);
const verb = (entry, what) => tell(`${GALLERY}/${entry.id}/${what}`);

/* ------------------------------------------------------------ the list */

const query = (limit) => {
  const asked = new URLSearchParams({scope: place.scope, limit});
  for (const [name, value] of new FormData(at("filters"))) if (value) asked.set(name, value);
  if (place.scope === "public") asked.delete("favourite");
  const day = (name, later) => asked.has(name) && asked.set(name, new Date(`${asked.get(name)}T00:00`).getTime() / 1000 + later);
  day("since", 0);
  day("until", 86400);
  if (place.page) asked.set("page", place.page);
  else if (next) asked.set("cursor", next);
  return asked;
};
const filtered = () => [...new FormData(at("filters"))].some(([name, value]) => value && name !== "order");
const badges = (entry) => [
  entry.own?.favourite ? element("span", {class: "badge star"}, icon("star")) : null,
  entry.own && entry.published ? element("span", {class: "badge world"}, icon("world")) : null,
];
const label = (entry) => [
  named(entry), entry.finished ? moment(entry.finished) : null,
  entry.own?.favourite ? t("favourite") : null, entry.own && entry.published ? t("published") : null,
].filter(Boolean).join(", ");
const tile = (entry) => element("button", {
  type: "button", class: "tile", "data-id": entry.id, "aria-label": label(entry), title: named(entry),
  "aria-pressed": selecting ? String(picked.has(entry.id)) : null,
  onclick: () => (selecting ? pick(entry.id) : open(entry.id)),
}, element("img", {src: entry.thumbnail, alt: "", loading: "lazy"}), badges(entry));

const say = (...parts) => at("said").replaceChildren(...parts);
const nothing = () => {
  if (filtered()) return message("again", t("none.found"), t("none.found.text"), button(t("filters.clear"), null, () => { at("filters").reset(); filter(); }));
  return place.scope === "mine" ? message("easel", t("none.mine"), t("none.mine.text")) : message("world", t("none.public"), t("none.public.text"));
};
const drawTools = () => {
  at("more").hidden = Boolean(place.page) || !next;
  at("paging").setAttribute("aria-pressed", String(place.page > 0));
  at("paging").hidden = !entries.size && !place.page;
  drawPager();
  at("select").hidden = place.scope === "public" || !entries.size;
  at("select").setAttribute("aria-pressed", String(selecting));
  at("chosen").hidden = !selecting;
  at("count").textContent = t("selected", {count: picked.size});
  at("bin").disabled = !picked.size;
  for (const tab of root.querySelectorAll(".tabs a")) {
    if (tab.dataset.scope === place.scope) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  root.querySelector("[name=favourite]").closest("label").hidden = place.scope === "public";
};
const drawPager = () => {
  const pager = at("pager");
  pager.hidden = !place.page;
  if (!place.page) return;
  const [back, field, of, on] = ["back", "number", "of", "on"].map((name) => pager.querySelector(`.${name}`));
  back.disabled = place.page <= 1;
  on.disabled = place.page >= pages;
  field.value = place.page;
  field.max = pages;
  of.textContent = t("page.of", {count: pages});
};
const redraw = () => {
  at("tiles").replaceChildren(...[...entries.values()].map(tile));
  if (!entries.size) say(nothing());
  drawTools();
};

const clear = () => at("tiles").querySelectorAll(".ghost").forEach((one) => one.remove());
const load = async (limit = PAGE) => {
  const asked = asks;
  loading = true;
  at("tiles").setAttribute("aria-busy", "true");
  try {
    const page = await ask(`${GALLERY}?${query(Math.min(limit, MOST))}`);
    if (asked !== asks) return;
    clear();
    next = page.next;
    pages = Math.max(1, Math.ceil((page.total ?? 0) / PAGE));
    if (place.page > pages) return step(pages, true); // there are fewer by now
    say();
    for (const entry of page.entries) entries.set(entry.id, entry);
    at("tiles").append(...page.entries.map(tile));
    if (!entries.size) say(nothing());
  } catch (error) {
    if (asked !== asks) return;
    clear();
    next = null;
    say(message("warn", t("away.title"), error.status ? error.message : t("away"), button(t("try.again"), null, () => list())));
  }
  loading = false;
  at("tiles").removeAttribute("aria-busy");
  drawTools();
  if (reaching()) load();
};
const reaching = () => !place.page && next && !loading && !at("more").hidden && at("more").getBoundingClientRect().top < innerHeight + 300;
const list = async (walked = {}) => { // as far as it was walked before, if it was
  asks += 1;
  const asked = asks;
  listed = where.list(place);
  next = null;
  entries.clear();
  picked.clear();
  at("tiles").replaceChildren(...Array.from({length: PAGE / 2}, () => element("span", {class: "ghost"})));
  say(element("p", {class: "hint", role: "status"}, t("loading")));
  drawTools();
  await load(walked.count || PAGE);
  while (asked === asks && next && entries.size < (walked.count || 0)) await load(walked.count - entries.size);
  if (asked === asks && walked.top) scrollTo(0, walked.top);
};
const remember = () => { // how far, for when one comes back
  if (root.offsetParent && !place.entry) where.mend(place, {count: place.page ? 0 : entries.size, top: Math.round(scrollY)});
};
const step = (page, quiet = false) => {
  place = {...place, page};
  (quiet ? where.mend : where.turn)(place, null);
  scrollTo(0, 0);
  return list();
};
const filter = (quiet = false) => {
  const wish = new URLSearchParams([...new FormData(at("filters"))].filter(([name, value]) => value && !(name === "order" && value === "newest")));
  place = {...place, wish, page: place.page && 1};
  (quiet ? where.mend : where.turn)(place, null);
  return list();
};

/* ------------------------------------------------------------ several at once */

const pick = (id) => {
  if (!picked.delete(id)) picked.add(id);
  at("tiles").querySelector(`[data-id="${id}"]`).setAttribute("aria-pressed", String(picked.has(id)));
  sure(at("bin"), false);
  drawTools();
};
const select = () => { selecting = !selecting; picked.clear(); sure(at("bin"), false); redraw(); };
const sure = (knob, yes) => { // the second press counts
  knob.classList.toggle("bad", yes);
  knob.querySelector("span").textContent = yes ? t("delete.sure") : t("delete");
};
const gone = (ids) => {
  for (const id of ids) { entries.delete(id); picked.delete(id); }
  forget(ids);
  redraw();
};
const deletePicked = async (event) => {
  const knob = at("bin");
  if (hasty(knob, event)) return;
  if (!knob.classList.contains("bad")) {
    sure(knob, true);
    return rest(knob);
  }
  try {
    const ids = [...picked];
    for (let from = 0; from < ids.length; from += 100) gone((await tell(`${GALLERY}/delete`, {ids: ids.slice(from, from + 100)})).deleted);
    if (selecting) select();
  } catch (error) { say(element("p", {class: "bad-news", role: "alert"}, error.message)); }
};

/* ------------------------------------------------------------ one entry */

const changed = (entry) => {
  entries.set(entry.id, entry);
  at("tiles").querySelector(`[data-id="${entry.id}"]`)?.replaceWith(tile(entry));
  return entry;
};
const note = (text, bad = false) => {
  const line = dialog.querySelector(".note");
  if (!line) return; // closed meanwhile
  line.textContent = text;
  line.classList.toggle("bad-news", bad);
};
let turn = Promise.resolve(); // verbs are done one by one, in the order of their presses
const doing = (what, after = "", shows = draw) => () => (turn = turn.then(async () => { // a verb, then the dialog as it is now
  try {
    const entry = await what();
    await released();
    if (entry) changed(entry);
    if (entry && place.entry === entry.id) shows(entry);
    note(after);
  } catch (error) { note(error.message, true); }
}));
const toggle = (on, text, picture, what) => button(text, picture, doing(what), {"aria-pressed": String(on)});
const address = (entry) => location.origin + entry.own.link.replace("/api/v1", "");

const sharing = (entry) => {
  if (!entry.own.link) return null;
  return element("div", {class: "sharing"}, copied(address(entry), t("link"), () => note(t("copied"))), button(t("revoke"), "stop", doing(() => verb(entry, "revoke"), t("revoked"))));
};
const typed = (entry) => {
  const save = () => doing(
    () => tell(`${GALLERY}/${entry.id}`, {title: title.value, tags: words.value.split(",").filter((tag) => tag.trim())}, "PATCH"),
    t("saved"),
    (now) => { // what is being typed beside it stays
      dialog.setAttribute("aria-label", named(now));
      dialog.querySelector("h2").textContent = named(now);
      dialog.querySelector(".tags").replaceWith(tags(now));
    },
  )();
  const title = element("input", {type: "text", value: entry.title, maxlength: 120, placeholder: t("untitled"), onchange: save});
  const words = element("input", {type: "text", value: entry.tags.join(", "), placeholder: t("tags.hint"), onchange: save});
  return element("div", {class: "typed"}, element("label", {}, t("title"), title), element("label", {}, t("tags"), words));
};
const sources = (entry) => element("div", {class: "sources"},
  element("figure", {}, element("img", {src: entry.own.content, alt: t("alt.photo"), loading: "lazy"}), element("figcaption", {}, t("photo"))),
  entry.own.styles.map((style, place) => element("figure", {},
    element("img", {src: style.address, alt: t("style.number", {count: place + 1}), loading: "lazy"}),
    element("figcaption", {}, t("style.number", {count: place + 1})))),
);
const erase = (entry) => twice(t("delete"), t("delete.sure"), "bin", async () => {
  try {
    await ask(`${GALLERY}/${entry.id}`, {method: "DELETE"});
    dialog.close();
    gone([entry.id]);
  } catch (error) { note(error.message, true); }
});
const toStudio = (event, data) => { form(event, data); place.entry = null; dialog.close(); location.hash = ""; };
const own = (entry) => [
  typed(entry),
  element("div", {class: "actions"},
    button(t("use.settings"), "again", () => toStudio("reuse", {options: entry.options})),
    button(t("same.style"), "photo", () => toStudio("again", {id: entry.id})),
    toggle(entry.own.favourite, t("favourite"), "star", () => tell(`${GALLERY}/${entry.id}`, {favourite: !entry.own.favourite}, "PATCH")),
    toggle(Boolean(entry.published), entry.published ? t("unpublish") : t("publish"), "world", () => verb(entry, entry.published ? "unpublish" : "publish")),
    entry.own.link ? null : button(t("share"), "link", doing(() => verb(entry, "share"))),
    erase(entry),
  ),
  entry.own.hidden ? element("p", {class: "bad-news"}, t("hidden")) : null,
  sharing(entry),
];
const report = (entry) => {
  const reason = element("input", {type: "text", maxlength: 500, placeholder: t("report.reason"), "aria-label": t("report.reason")});
  const line = element("div", {class: "sharing", hidden: true}, reason,
    button(t("report.send"), "flag", async (event) => {
      event.currentTarget.disabled = true;
      await doing(() => tell(`${GALLERY}/${entry.id}/report`, {reason: reason.value}), t("reported"))();
      line.hidden = true;
    }));
  return [button(t("report"), "flag", () => { line.hidden = false; reason.focus(); }), line];
};
const others = (entry) => {
  const [knob, line] = report(entry);
  return [element("div", {class: "actions"}, button(t("use.settings"), "again", () => toStudio("reuse", {options: entry.options})), knob), line];
};
const draw = (entry) => {
  const focus = [...dialog.querySelectorAll("button, input, a")].indexOf(document.activeElement);
  const face = entry.own
    ? compare(entry.picture, entry.own.content, entry.width, entry.height)
    : shaped(element("div", {class: "compare"}, element("img", {src: entry.picture, alt: named(entry)})), entry.width, entry.height);
  dialog.setAttribute("aria-label", named(entry));
  dialog.replaceChildren(
    button(t("close"), "close", () => dialog.close(), {class: "quiet shut", "aria-label": t("close")}),
    face,
    element("div", {class: "about"},
      element("h2", {}, named(entry)), tags(entry),
      entry.own ? own(entry) : others(entry),
      element("p", {class: "note", role: "status"}),
      downloads(entry), facts(entry),
      entry.own ? sources(entry) : null,
    ),
  );
  dialog.querySelectorAll("button, input, a")[focus]?.focus({preventScroll: true});
};
const show = async (id) => {
  try {
    draw(entries.get(id) ?? await ask(`${GALLERY}/${id}`));
    if (place.entry !== id || dialog.open) return;
    dialog.showModal();
    dialog.scrollTop = 0;
    opened = id;
  } catch (error) { say(element("p", {class: "bad-news", role: "alert"}, error.message)); }
};
const open = (id) => {
  remember();
  place = {...place, entry: id};
  where.turn(place, {over: true});
  return show(id);
};
const closed = () => { // by hand; going back closes it too, and then there is nothing to do
  dialog.replaceChildren();
  if (!place.entry) return;
  place = {...place, entry: null};
  if (history.state?.over) history.back();
  else where.mend(place, null);
};

/* ------------------------------------------------------------ the view */

const choice = (name, options) => element("select", {name, "aria-label": t(name)},
  options.map(([value, text]) => element("option", {value}, text)));
const filters = () => {
  let pause = 0;
  const later = (event) => { clearTimeout(pause); pause = setTimeout(filter, PAUSE, event.target.name === "text"); };
  const fold = button(t("filters"), "again", () => unfold(!at("filters").classList.contains("open")), {class: "quiet fold", "aria-expanded": "false"});
  return element("form", {class: "filters", role: "search", oninput: later, onsubmit: (event) => { event.preventDefault(); filter(); }},
    element("input", {type: "search", name: "text", placeholder: t("search.short"), "aria-label": t("search"), maxlength: 200}),
    fold,
    choice("color", [["", t("color.any")], ...["style", "content", "luminance"].map((color) => [color, t(`color.${color}`)])]),
    choice("size", [["", t("size.any")], ...[256, 512, 768, 1024].map((size) => [size, t("size.is", {count: size})]), [0, t("size.whole")]]),
    choice("network", [["", t("network.any")], ["compact", "compact"], ["vgg19", "vgg19"]]),
    choice("order", [["newest", t("newest")], ["oldest", t("oldest")]]),
    element("label", {}, t("since"), element("input", {type: "date", name: "since"})),
    element("label", {}, t("until"), element("input", {type: "date", name: "until"})),
    element("label", {}, element("input", {type: "checkbox", name: "favourite", value: "true"}), t("favourites")),
  );
};
const privacy = () => element("details", {class: "privacy", ontoggle: async (event) => {
  const told = event.currentTarget;
  if (!told.open || told.children.length > 1) return;
  try { told.append(...(await ask(`/api/v1/privacy?language=${language}`)).paragraphs.map((text) => element("p", {}, text))); } catch (error) { told.open = false; }
}}, element("summary", {}, t("privacy")));
const fill = () => {
  root.replaceChildren(
    element("div", {class: "top"},
      element("nav", {class: "tabs", "aria-label": t("gallery")},
        element("a", {href: "#gallery", "data-scope": "mine"}, t("mine")),
        element("a", {href: "#gallery/public", "data-scope": "public"}, t("public"))),
      element("div", {class: "chosen", hidden: true}, element("span", {class: "count"}), button(t("delete"), "bin", deletePicked, {class: "quiet bin"})),
      button(t("select"), "check", select, {class: "quiet select"}),
      button(t("pages"), "pages", () => step(place.page ? 0 : 1), {class: "quiet paging", "aria-pressed": "false"}),
    ),
    filters(),
    element("div", {class: "tiles"}),
    element("div", {class: "said"}),
    button(t("more"), null, () => load(), {class: "quiet more", hidden: true}),
    element("nav", {class: "pager", "aria-label": t("pages"), hidden: true},
      button(t("page.back"), null, () => step(place.page - 1), {class: "quiet back"}),
      element("label", {}, t("page"), element("input", {type: "number", class: "number", min: 1, step: 1, onchange: (event) => step(Math.min(pages, Math.max(1, Math.round(event.target.value) || 1)))})),
      element("span", {class: "of"}),
      button(t("page.on"), null, () => step(place.page + 1), {class: "quiet on"})),
    privacy(),
  );
  dialog = element("dialog", {class: "entry", onclose: closed, onclick: (event) => { if (event.target === dialog) dialog.close(); }});
  root.append(dialog);
  new IntersectionObserver(() => { if (reaching()) load(); }, {rootMargin: "300px"}).observe(at("more"));
};
const unfold = (open) => { // on a phone
  at("filters").classList.toggle("open", open);
  at("fold").setAttribute("aria-expanded", String(open));
};
const setFilters = () => { // as the address has them
  const form = at("filters");
  form.reset();
  for (const [name, value] of place.wish) {
    const field = form.elements.namedItem(name);
    if (field?.type === "checkbox") field.checked = true;
    else if (field) field.value = value;
  }
  if (filtered()) unfold(true);
};
const go = () => {
  const {view} = place = where.read();
  const here = view === "gallery";
  const name = here || ["batch", "you"].includes(view) ? view : "studio";
  document.documentElement.dataset.view = name;
  for (const link of document.querySelectorAll(".views a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (dialog.open && !place.entry) dialog.close();
  if (!here) return void (listed = null);
  if (listed !== where.list(place)) {
    selecting = false;
    setFilters();
    list(history.state ?? {});
  }
  if (place.entry) show(place.entry);
  else if (opened) { // the browser takes the focus away when it has gone back
    const tile = at("tiles").querySelector(`[data-id="${opened}"]`);
    setTimeout(() => tile?.focus({preventScroll: true}));
    opened = null;
  }
};

export const start = (host, trigger) => {
  root = host.querySelector("#gallery");
  form = trigger;
  speak();
  fill();
  let pause = 0;
  addEventListener("popstate", go);
  addEventListener("scroll", () => { clearTimeout(pause); pause = setTimeout(remember, PAUSE); }, {passive: true});
  go();
};
