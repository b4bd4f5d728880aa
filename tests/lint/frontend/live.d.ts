/* What adain/live/engine.c exports; numbers are places in its memory, counts or values. */

declare namespace Live {
  type Kernel = (...given: number[]) => number;
  type Kernels = { __heap_base: WebAssembly.Global; __stack_pointer: WebAssembly.Global } & Record<
    | "affine"
    | "arrange"
    | "border"
    | "chroma"
    | "covariance"
    | "direct"
    | "fold"
    | "moments"
    | "recolour"
    | "recolouring"
    | "roots"
    | "scaled"
    | "transform"
    | "unfold"
    | "up"
    | "winograd",
    Kernel
  >;
}

/* What TypeScript's own description of browsers lacks of WebGPU. */

declare const GPUBufferUsage: Record<"COPY_DST" | "COPY_SRC" | "MAP_READ" | "STORAGE" | "UNIFORM", number>;
declare const GPUMapMode: Record<"READ", number>;
