/* In the page /live: the graphics card is lost while it paints a frame; answers with what is said before and after,
 * and by how much the frames are apart from the processor's, the second of which goes on from the first.
 */
async () => {
  const {Engine} = await import("./page/engine/engine.js");
  const {Choice} = await import("./page/live/choice.js");
  const fetched = async (path) => (await fetch(path)).arrayBuffer();
  const network = await fetched("./live/network");
  const code = await WebAssembly.compile(await fetched("./page/engine/engine-relaxed.wasm"));
  const engine = await Engine.made(code, network);
  const choice = new Choice(engine);
  await choice.open(network);
  choice.late = 60_000; // this card is a program, on a busy machine
  const said = [choice.card];
  while (!choice.cards.done) choice.cards.took(choice.cards.other ? 1 : 2); // as by a quick card
  choice.choose();
  const picture = {data: Uint8Array.from({length: 4 * 64 * 48}, (_, i) => (i * 37) % 251), width: 64, height: 48};
  const style = engine.measure({data: picture.data.slice().reverse(), width: 48, height: 64});
  const {data: usual, seen: first} = engine.paint(picture, style);
  const apart = [];
  const paint = async () => {
    const {data, seen} = await choice.paint(picture, style, 1, null, 0);
    apart.push(Math.max(...data.map((one, i) => Math.abs(one - usual[i]))));
    said.push(choice.card);
    return seen;
  };
  const both = await paint();
  const other = {...picture, data: picture.data.slice().reverse()};
  const [made, wanted] = [await choice.paint(other, style, 0.6, both, 0.9), engine.paint(other, style, 0.6, first, 0.9)];
  apart.push(Math.max(...made.data.map((one, i) => Math.abs(one - wanted.data[i]))));
  const {gpu} = choice;
  const under = paint();
  gpu.device.destroy();
  const seen = await under;
  await paint();
  return {said, apart, levels: seen.own.length, gone: choice.gpu === null};
};
