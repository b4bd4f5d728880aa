/* In the page /live: paints tasks with the page's own engine, and answers with the pixels in base64. */
async (tasks) => {
  const {Engine, mixed} = await import("./page/engine/engine.js");
  const fetched = async (path) => (await fetch(path)).arrayBuffer();
  const code = await WebAssembly.compile(await fetched("./page/engine/engine-relaxed.wasm"));
  const engine = await Engine.made(code, await fetched("./live/network"));
  const picture = ({data, width, height}) => ({
    data: Uint8Array.from(atob(data), (one) => one.charCodeAt(0)),
    width,
    height,
  });
  return tasks.map(({pictures, shares, alpha}) => {
    const [photo, ...styles] = pictures.map(picture);
    const style = mixed(
      styles.map((one) => engine.measure(one)),
      shares,
    );
    const {data} = engine.paint(photo, style, alpha);
    return btoa(data.reduce((text, one) => text + String.fromCharCode(one), ""));
  });
};
