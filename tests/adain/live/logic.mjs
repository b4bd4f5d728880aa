/* node logic.mjs FOLDER: what sizes and ways the page chooses by what frames take, and where it sees a cut. */
import {pathToFileURL} from "node:url";

const imported = (name) => import(pathToFileURL(`${process.argv[2]}/${name}`).href);
const {Pace, Trial, sized} = await imported("pace.js");
const {histogram, isCut} = await imported("cuts.js");

/* a device that paints so many pixels in a millisecond, for so many frames */
const chosen = (pixels, frames) => {
  const pace = new Pace();
  for (let i = 0; i < frames; i++) pace.took(pace.side ** 2 / pixels);
  return pace.side;
};
const slowed = () => {
  const pace = new Pace();
  for (let i = 0; i < 100; i++) pace.took(pace.side ** 2 / 4000);
  const before = pace.side;
  for (let i = 0; i < 100; i++) pace.took(pace.side ** 2 / 1000);
  return [before, pace.side];
};
const recorded = () => {
  const pace = new Pace();
  pace.fixed = true;
  for (let i = 0; i < 100; i++) pace.took(1000);
  return pace.side;
};
/* frames that are tried of two ways, and whether the other one is kept */
const tried = (usual, other) => {
  const trial = new Trial();
  for (let i = 0; i < 20; i++) trial.took(trial.other ? other : usual);
  return [trial.frames, trial.other];
};
/* whether the other way is tried again after it was found hopeless */
const hopeless = () => {
  const trial = new Trial(),
    ways = [];
  for (let i = 0; i < 8; i++) {
    ways.push(trial.other);
    trial.took(trial.other ? 50 : 10);
  }
  return ways;
};
const frame = (red, green, blue) =>
  Uint8Array.from({length: 4 * 64 * 48}, (_, i) => [red, green, blue, 255][i % 4] + (i % 7));
const [one, alike, other] = [frame(10, 200, 20), frame(12, 201, 22), frame(200, 10, 20)].map(histogram);
console.log(
  JSON.stringify({
    fast: chosen(10000, 100),
    usual: chosen(1000, 100),
    slow: chosen(10, 100),
    slowed: slowed(),
    recorded: recorded(),
    sizes: [sized(240, 1280, 720), sized(240, 720, 1280), sized(512, 4000, 500)],
    ways: [tried(20, 10), tried(10, 20)],
    hopeless: hopeless(),
    cuts: [isCut(one, alike), isCut(one, other)],
  }),
);
