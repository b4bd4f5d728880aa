/* The icons, as paths in a square of 24. */

/** @type {Record<string, string>} */
const ICONS = {
  easel: "M4 5h16v11H4zM12 2v3M8 16l-2.5 6M16 16l2.5 6M7 13l3.5-4 2.5 2.5L15 9l2 4",
  warn: "M12 8v5M12 16.5v.01M10.3 3.9 2.5 17.5A2 2 0 0 0 4.2 20.5h15.6a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0z",
  stop: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9 9l6 6M15 9l-6 6",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7v5l3 2",
  save: "M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14",
  open: "M14 4h6v6M20 4l-8 8M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  again: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  photo: "M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 5M15.5 9.5v.01",
  star: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1.1 5.9L12 16.8l-5.3 2.9 1.1-5.9L3.5 9.7l5.9-.8z",
  world: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  link: "M10 14a4 4 0 0 0 5.7 0l3.3-3.3a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0L5 13.3a4 4 0 0 0 5.7 5.7L12 17.7",
  flag: "M5 21V4h12l-2 4 2 4H5",
  bin: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13",
  back: "M10 6 4 12l6 6M4 12h16",
  notify: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4",
  close: "M6 6l12 12M18 6 6 18",
  steps: "M4 20h3v-4H4zM10.5 20h3v-9h-3zM17 20h3V5h-3z",
  play: "M8 5v14l11-7z",
  pages: "M6 3h9l4 4v14H6zM10 12h6M10 16h6",
  upload: "M12 16V4M7.5 8.5 12 4l4.5 4.5M4 14.5V20h16v-5.5",
  paste: "M9 5H6v16h12V5h-3M9 3.5h6v3.5H9zM9.5 12h5M9.5 16h5",
  crop: "M7 2.5V17h14.5M2.5 7H17v14.5",
  camera: "M4 8h4l1.5-3h5L16 8h4v12H4zM12 17a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  die: "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM8.5 8.5v.01M15.5 8.5v.01M12 12v.01M8.5 15.5v.01M15.5 15.5v.01",
  tag: "M4 4h8l8 8-8 8-8-8zM8 8v.01",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  check: "M5 12.5 10 17.5 19.5 7",
};
const LINES = {
  viewBox: "0 0 24 24",
  width: "20",
  height: "20",
  fill: "none",
  stroke: "currentColor",
  "stroke-width": "1.75",
  "stroke-linecap": "round",
  "stroke-linejoin": "round",
  "aria-hidden": "true",
};
/** @param {string} name */
export const icon = (name) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries(LINES)) made.setAttribute(key, value);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", ICONS[name]);
  made.append(line);
  return made;
};
