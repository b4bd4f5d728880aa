/* The part of the page that shows jobs: the stage and "Your pictures".
 *
 * All it knows comes from /api/v1; what it shows goes in as text, never as HTML. Gradio calls
 * studio.start and studio.sent, and nothing else.
 */
"use strict";

window.studio = (() => {
  const JOBS = "/api/v1/jobs";
  const PAGE = 24; // jobs of one "show older"
  const SOON = 600, LATER = 4000; // milliseconds between looks: while seen, and hidden or failing
  const TITLE = "AdaIN Studio";

  const STATES = {queued: "Waiting", running: "At work", done: "Done", failed: "Failed", cancelled: "Cancelled"};
  const STAGES = {styles: "Studying the style", content: "Looking at your photo", transfer: "Repainting", picture: "Finishing the picture", load: "Getting ready"};
  const COLORS = {style: "the style’s colours", content: "your colours, matched", luminance: "your colours, luminance of the style"};

  const known = new Map(); // id → job, as the API tells it
  let shown = null; // id of the job on the stage
  let older = null; // where the next page of the strip begins
  let away = false; // the server does not answer
  let news = ""; // in the title, what ended while nobody looked
  let timer = 0;
  let stage = null, strip = null, reuse = null;

  /* ------------------------------------------------------------ small parts */

  const element = (tag, given = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(given)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...inside.filter((part) => part !== null));
    return made;
  };
  const icon = (path) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({viewBox: "0 0 24 24", width: 20, height: 20, fill: "none", stroke: "currentColor", "stroke-width": 1.75, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true"})) made.setAttribute(name, value);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    made.append(line);
    return made;
  };
  const ICONS = {
    easel: "M4 5h16v11H4zM12 2v3M8 16l-2.5 6M16 16l2.5 6M7 13l3.5-4 2.5 2.5L15 9l2 4",
    warn: "M12 8v5M12 16.5v.01M10.3 3.9 2.5 17.5A2 2 0 0 0 4.2 20.5h15.6a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0z",
    stop: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9 9l6 6M15 9l-6 6",
    clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7v5l3 2",
    save: "M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14",
    open: "M14 4h6v6M20 4l-8 8M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
    again: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  };
  const active = (job) => job.state === "queued" || job.state === "running";
  const link = (job, what) => `${JOBS}/${job.id}/${what}`;
  const seconds = (count) => (count < 10 ? count.toFixed(1) : Math.round(count)) + " s";
  const span = (count) => (count < 60 ? seconds(count) : `${Math.floor(count / 60)} min ${Math.round(count % 60)} s`);
  const about = (count) => (count < 90 ? `about ${Math.max(1, Math.round(count))} s` : `about ${Math.round(count / 60)} min`);
  const when = (job) => new Date(job.submitted * 1000).toLocaleString([], {dateStyle: "medium", timeStyle: "short"});

  const ask = async (address, options) => {
    const answer = await fetch(address, {credentials: "same-origin", ...options});
    if (!answer.ok) throw Object.assign(new Error(`${address}: ${answer.status}`), {status: answer.status});
    return answer.json();
  };

  /* ------------------------------------------------------------ words about a job */

  const standing = (job) => {
    if (away) return "The studio does not answer. Your picture is not lost; still trying …";
    if (job.cancelling) return "Stopping …";
    if (job.state === "queued") {
      if (job.position > 1) return `Number ${job.position} in line`;
      return job.elapsed > 20 ? "Next in line; waiting for a worker" : "Next in line";
    }
    return STAGES[job.stage] || "Starting";
  };
  const times = (job) => {
    const parts = [`${span(job.elapsed)} so far`];
    if (job.estimate !== null && job.estimate >= 0.5) parts.push(`${about(job.estimate)} to go`);
    return parts.join(" · ");
  };
  const settings = (job) => {
    const chosen = job.options;
    const size = chosen.size ? `${chosen.size} px` : "size as it is";
    return [
      `Strength ${Math.round(chosen.alpha * 100)}`,
      COLORS[chosen.color],
      job.styles > 1 ? `${job.styles} styles` : null,
      job.masks ? "masks" : null,
      size,
      job.network,
    ].filter(Boolean);
  };

  /* ------------------------------------------------------------ the stage */

  const shaped = (box, job) => {
    box.style.setProperty("--ratio", job.width / job.height);
    return box;
  };
  const compare = (job) => {
    const slider = element("input", {
      type: "range", min: 0, max: 100, value: 50, step: 1, "aria-label": "Compare: how much of the photo is uncovered",
      oninput: () => box.style.setProperty("--at", `${slider.value}%`),
    });
    const box = element("div", {class: "compare"},
      element("img", {src: link(job, "result"), alt: "The repainted picture", class: "after"}),
      element("img", {src: link(job, "content"), alt: "The photo it was made from", class: "before"}),
      element("span", {class: "tag left", "aria-hidden": "true"}, "Photo"),
      element("span", {class: "tag right", "aria-hidden": "true"}, "Repainted"),
      element("span", {class: "grip", "aria-hidden": "true"}),
      slider,
    );
    return shaped(box, job);
  };
  const button = (text, picture, onclick, given = {}) =>
    element("button", {type: "button", class: "quiet", onclick, ...given}, picture ? icon(ICONS[picture]) : null, element("span", {}, text));
  const anchor = (text, picture, given) =>
    element("a", {class: "quiet", ...given}, icon(ICONS[picture]), element("span", {}, text));

  const done = (job) => [
    compare(job),
    element("div", {class: "actions"},
      anchor("Download", "save", {href: link(job, "result"), download: `adain-studio-${job.id.slice(-8)}.png`, class: "quiet strong"}),
      anchor("Full size", "open", {href: link(job, "result"), target: "_blank", rel: "noopener"}),
      button("Use these settings", "again", () => reuse("reuse", {options: job.options})),
    ),
    element("ul", {class: "facts"},
      ...settings(job).map((text) => element("li", {}, text)),
      element("li", {}, `${job.width} × ${job.height}`),
      element("li", {}, `made in ${span(job.elapsed)}`),
    ),
  ];
  const waiting = (job) => [
    shaped(element("div", {class: "veil"}, element("img", {src: link(job, "content"), alt: "The photo being repainted"})), job),
    element("div", {class: "card"},
      element("p", {class: "standing", role: "status"}, standing(job)),
      element("progress", {max: 1, "aria-label": "Progress"}),
      element("div", {class: "line"},
        element("span", {class: "times"}, times(job)),
        button("Cancel", null, () => cancel(job.id), {id: "cancel"}),
      ),
    ),
  ];
  const message = (picture, title, text) => [
    element("div", {class: "message"}, icon(ICONS[picture]), element("h2", {}, title), element("p", {}, text)),
  ];
  const drawn = (job) => {
    switch (job.state) {
      case "done": return done(job);
      case "failed": return message("warn", "This one did not work out", job.error || "Please try again.");
      case "cancelled": return message("stop", "Cancelled", "Nothing was made. Your form is as you left it.");
      default: return waiting(job);
    }
  };
  const refresh = (job) => { // what changes while a job stays in its state
    const bar = stage.querySelector("progress");
    if (!bar) return;
    const text = stage.querySelector(".standing");
    if (text.textContent !== standing(job)) text.textContent = standing(job);
    stage.querySelector(".times").textContent = times(job);
    stage.querySelector("#cancel").disabled = Boolean(job.cancelling);
    if (job.state === "running" && job.progress > 0) bar.value = job.progress;
    else bar.removeAttribute("value");
  };
  const drawStage = () => {
    const job = known.get(shown);
    const face = job ? `${job.id} ${job.state}` : "empty";
    if (stage.dataset.face !== face) {
      stage.dataset.face = face;
      stage.dataset.state = job ? job.state : "empty";
      stage.replaceChildren(...(job ? drawn(job) : message("easel", "Your picture appears here", "Choose a photo and a style, then press Repaint. It takes a few seconds.")));
    }
    if (job) refresh(job);
    if (!document.hidden) news = "";
    document.title = news + TITLE;
  };

  /* ------------------------------------------------------------ "Your pictures" */

  const tile = (job) => {
    const face = job.state === "done"
      ? element("img", {src: link(job, "thumbnail"), alt: "", loading: "lazy"})
      : element("span", {class: "glyph"}, icon(ICONS[{failed: "warn", cancelled: "stop"}[job.state] || "clock"]), element("span", {}, STATES[job.state]));
    return element("button", {
      type: "button", class: "tile", "data-id": job.id, "data-state": job.state,
      "aria-label": `${STATES[job.state]}, ${when(job)}: ${settings(job).join(", ")}`, title: when(job),
      onclick: () => { show(job.id); stage.scrollIntoView({block: "nearest", behavior: "smooth"}); },
    }, face);
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
    if (document.hidden && before && active(before) && !active(job)) news = `${STATES[job.state]} · `;
    known.set(job.id, {...job, cancelling: before?.cancelling && active(job)});
  };
  const show = (id) => { shown = id; draw(); };

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
      stage.replaceChildren(...message("warn", "The studio does not answer", "Trying again in a moment …"));
      timer = setTimeout(begin, LATER);
      return;
    }
    look();
  };

  /* ------------------------------------------------------------ what Gradio calls */

  const start = (host, trigger) => {
    stage = host.querySelector("#stage");
    strip = host.querySelector("#strip");
    reuse = trigger;
    fillStrip();
    stage.setAttribute("aria-busy", "true");
    stage.replaceChildren(...message("clock", "One moment", "Looking for your pictures …"));
    document.addEventListener("visibilitychange", () => { if (!document.hidden && stage.dataset.face) look(); });
    document.addEventListener("click", once, true);
    begin();
  };
  let pressed = 0;
  const once = (event) => { // a double click is one wish
    if (!event.target.closest?.("#send")) return;
    if (Date.now() - pressed < 1200) { event.stopPropagation(); event.preventDefault(); }
    else pressed = Date.now();
  };
  const fillStrip = () => {
    strip.replaceChildren(
      element("h2", {id: "strip-title"}, "Your pictures"),
      element("p", {class: "none"}, "Nothing here yet. What you make is kept here, and only you see it."),
      element("div", {class: "tiles"}),
      button("Show older", null, async () => { await more(); draw(); }, {class: "quiet older", hidden: true}),
    );
  };
  const sent = async (id) => {
    if (!id) { // refused: the next press counts, however soon
      pressed = 0;
      return document.querySelector("#notice").scrollIntoView({block: "nearest", behavior: "smooth"});
    }
    shown = id;
    try { learn(await ask(`${JOBS}/${id}`)); } catch (error) { return setTimeout(sent, LATER, id); }
    look();
    stage.scrollIntoView({block: "nearest", behavior: "smooth"});
  };
  return {start, sent};
})();
