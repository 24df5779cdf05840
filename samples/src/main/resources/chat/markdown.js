'use strict';

/* Markdown of answers as elements of the page: paragraphs, headings, lists, tables, code, emphasis and links. Texts become
   text nodes, never markup, so an answer cannot run a script. */

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g;

function inline(text) {
  const parts = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(last, match.index));
    const [, code, bold, italic, label, link] = match;
    if (code !== undefined) parts.push(element('code', {}, code));
    else if (bold !== undefined) parts.push(element('strong', {}, ...inline(bold)));
    else if (italic !== undefined) parts.push(element('em', {}, ...inline(italic)));
    else parts.push(element('a', {href: link, rel: 'noopener noreferrer', target: '_blank'}, label));
    last = match.index + match[0].length;
  }
  parts.push(text.slice(last));
  return parts.filter(part => part !== '');
}

const BLOCKS = [
  ['code', /^```/],
  ['heading', /^#{1,6} /],
  ['bullets', /^\s*[-*+] /],
  ['numbers', /^\s*\d+[.)] /],
  ['table', /^\|.*\|\s*$/],
  ['blank', /^\s*$/],
];
const kind = line => (BLOCKS.find(([, pattern]) => pattern.test(line)) ?? ['text'])[0];

const cells = line => line.trim().slice(1, -1).split('|').map(cell => cell.trim());

const MAKE = {
  heading: lines => lines.map(line => element('h3', {}, ...inline(line.replace(/^#+ /, '')))),
  bullets: lines => [element('ul', {}, ...lines.map(line => element('li', {}, ...inline(line.replace(/^\s*[-*+] /, '')))))],
  numbers: lines => [element('ol', {start: parseInt(lines[0], 10)},
    ...lines.map(line => element('li', {}, ...inline(line.replace(/^\s*\d+[.)] /, '')))))],
  table: lines => [element('table', {}, ...lines.filter(line => !/^\|[\s:|-]+\|\s*$/.test(line)).map((line, i) =>
    element('tr', {}, ...cells(line).map(cell => element(i === 0 ? 'th' : 'td', {}, ...inline(cell))))))],
  text: lines => [element('p', {}, ...lines.flatMap((line, i) => i === 0 ? inline(line) : [element('br'), ...inline(line)]))],
  blank: () => [],
};

/** The elements of a text; one that is still being written may end anywhere. */
function markdown(text) {
  const lines = text.split('\n');
  const made = [];
  for (let i = 0; i < lines.length;) {
    const of = kind(lines[i]);
    const begin = i++;
    if (of === 'code') {
      while (i < lines.length && !/^```\s*$/.test(lines[i])) i++;
      made.push(element('pre', {tabindex: '0'}, element('code', {}, lines.slice(begin + 1, i).join('\n'))));
      i++;
    } else {
      while (i < lines.length && kind(lines[i]) === of) i++;
      made.push(...MAKE[of](lines.slice(begin, i)));
    }
  }
  return made;
}
