declare module '*?raw' {
  const text: string;
  export default text;
}
interface ImportMeta {
  glob(pattern: string[], options: { query: string; eager: true; import: string }): Record<string, string>;
}

interface ImportMeta {
  glob<T>(pattern: string, options: { eager: true; import: 'default' }): Record<string, T>;
}
