/* In the page /live: paints tasks on the graphics card, and answers with the pixels in base64. */
async (tasks) => {
  const {Engine, mixed} = await import("./page/engine/engine.js");
  const {Gpu} = await import("./page/engine/gpu.js");
  const fetched = async (path) => (await fetch(path)).arrayBuffer();
  const network = await fetched("./live/network");
  const code = await WebAssembly.compile(await fetched("./page/engine/engine-relaxed.wasm"));
  const engine = await Engine.made(code, network);
  const gpu = await Gpu.made(engine, network);
  const picture = ({data, width, height}) => ({
    data: Uint8Array.from(atob(data), (one) => one.charCodeAt(0)),
    width,
    height,
  });
  const made = [];
  for (const {pictures, shares, alpha} of tasks) {
    const [photo, ...styles] = pictures.map(picture);
    const style = mixed(
      styles.map((one) => engine.measure(one)),
      shares,
    );
    const {data} = await gpu.paint(photo, style, alpha);
    made.push(btoa(data.reduce((text, one) => text + String.fromCharCode(one), "")));
  }
  gpu.end();
  return made;
};
