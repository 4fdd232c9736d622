/** The pages lead where they say: links between them, and files of the repository that they name by path. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const pages = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)];
const text = (page: string): string => readFileSync(join(root, page), "utf8");

describe.each(pages)("%s", (page) => {
  it("links to files that are there", () => {
    const targets = [...text(page).matchAll(/\]\(([^)#\s]+)/g)].map(([, target]) => target);
    const missing = targets.filter(
      (target) => !/^https?:/.test(target) && !existsSync(join(root, dirname(page), target)),
    );
    expect(missing).toEqual([]);
  });

  it("names images, examples and sources that are there", () => {
    const named = [
      ...text(page).matchAll(/(?<![\w./-])(?:src|test|scripts|examples|images)\/[\w./-]*[\w/](?![\w*{/-]|\.[\w*])/g),
    ];
    const missing = named
      .map(([path]) => path)
      .filter((path) => !/NAME|\/my-/.test(path) && !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });
});

it("docs/scripts.md lists every example", () => {
  const scripts = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"));
  expect(scripts.filter((name) => !text("docs/scripts.md").includes(`\`${name}\``))).toEqual([]);
});
