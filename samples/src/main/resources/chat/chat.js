'use strict';

/* The page holds no state of its own but what is picked and typed: everything else comes over one event stream, which
   begins with the whole state each time it is opened. */

const at = id => document.getElementById(id);
const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};
const number = value => Math.round(value).toLocaleString('en');
const size = bytes => bytes < 1e6 ? (bytes / 1e3).toFixed(0) + ' kB' : bytes < 1e9 ? (bytes / 1e6).toFixed(1) + ' MB' : (bytes / 1e9).toFixed(2) + ' GB';
const time = seconds => seconds < 10 ? number(1000 * seconds) + ' ms' : number(seconds) + ' s';
const badge = id => id.replace('chat-', '');

const EXAMPLES = [
  'Compare the weather in Oslo and Rome.',
  'Book 2 seats on the first train from Lisbon to Porto and tell me the weather there.',
  'How much is 250 USD in EUR?',
];
const conversations = new Map();
let picked = sessionStorage.getItem('picked');
let seenNodes = new Set();
let sees = false;
let pictures = [];
let load = {running: 0, waiting: 0, queuedMillis: 0};

// ---- events ---------------------------------------------------------------------------------------------------------

const receive = {
  state(event) {
    at('model').textContent = `${event.model}, context ${number(event.context)} tokens`;
    sees = event.sees;
    at('add').hidden = !sees;
    showLoad(event.load);
    conversations.clear();
    event.conversations.forEach(one => conversations.set(one.id, {title: one.title, turns: one.turns}));
    if (!conversations.has(picked)) picked = conversations.keys().next().value ?? null;
    showList();
    showTurns();
  },
  opened(event) {
    conversations.set(event.conversation, {title: event.title, turns: []});
    if (picked === null) pick(event.conversation);
    showList();
  },
  closed(event) {
    conversations.delete(event.conversation);
    if (picked === event.conversation) pick([...conversations.keys()].pop() ?? null);
    showList();
  },
  turn(event) {
    const conversation = conversations.get(event.conversation);
    conversation.title = event.title;
    conversation.turns[event.index] = event.turn;
    showList();
    if (event.conversation === picked) showTurn(event.index);
  },
  piece(event) {
    const turns = conversations.get(event.conversation).turns;
    turns.at(-1).answer += event.text;
    if (event.conversation === picked) showTurnSoon();
  },
  load(event) { showLoad(event.load); },
  cache: showCache,
  end() { connection(false); },
};

let isPaintDue = false;

/** Shows the last turn with the next frame: pieces come faster than a screen is painted. */
function showTurnSoon() {
  if (isPaintDue) return;
  isPaintDue = true;
  requestAnimationFrame(() => {
    isPaintDue = false;
    const turns = conversations.get(picked)?.turns ?? [];
    if (turns.length > 0) showTurn(turns.length - 1);
  });
}

const stream = new EventSource('events');
stream.onmessage = message => {
  const event = JSON.parse(message.data);
  receive[event.type](event);
};
stream.onopen = () => connection(true);
stream.onerror = () => connection(false);

function connection(on) {
  at('connection').textContent = on ? 'connected' : 'reconnecting …';
  at('connection').classList.toggle('on', on);
}

function showLoad(now) {
  load = now;
  document.querySelectorAll('.queue').forEach(note => { note.textContent = queueText(); });
  at('load').textContent = `${number(load.running)} running, ${number(load.waiting)} waiting · the last one waited ${number(load.queuedMillis)} ms`;
}

async function ask(method, path, body) {
  at('problem').textContent = '';
  try {
    const answer = await fetch(path, {method, headers: {'Content-Type': 'application/json'}, body: body && JSON.stringify(body)});
    const text = await answer.text();
    const json = text ? JSON.parse(text) : {};
    if (!answer.ok) at('problem').textContent = json.error ?? json.title ?? `the server answered ${answer.status}`;
    return {...json, ok: answer.ok};
  } catch (problem) {
    at('problem').textContent = 'the server does not answer: is samples/run chat still running?';
    return {ok: false};
  }
}

// ---- conversations --------------------------------------------------------------------------------------------------

const isRunning = turn => turn !== undefined && (turn.state === 'waiting' || turn.state === 'answering');

function pick(id) {
  picked = id;
  if (id !== null) sessionStorage.setItem('picked', id);
  showList();
  showTurns();
}

function showList() {
  const focused = document.activeElement?.dataset?.pick;
  at('conversations').replaceChildren(...[...conversations].map(([id, conversation]) => {
    const open = element('button', {type: 'button', class: 'pick', 'data-pick': id, 'aria-current': id === picked && 'true'},
      element('span', {class: 'badge'}, badge(id)), element('span', {class: 'title'}, conversation.title));
    open.onclick = () => { pick(id); pane('chat'); at('text').focus(); };
    const drop = element('button', {type: 'button', class: 'drop', 'aria-label': `Delete conversation ${badge(id)}`}, '×');
    drop.onclick = () => ask('DELETE', `conversations/${id}`);
    return element('li', {class: isRunning(conversation.turns.at(-1)) ? 'busy' : null}, open, drop);
  }));
  if (focused) document.querySelector(`[data-pick="${focused}"]`)?.focus();
  buttons();
}

function buttons() {
  const conversation = conversations.get(picked);
  const running = isRunning(conversation?.turns.at(-1));
  at('stop').hidden = !running;
  at('send').hidden = running;
  at('send').disabled = !conversation || at('text').value.trim() === '';
}

// ---- turns ----------------------------------------------------------------------------------------------------------

function showTurns() {
  const turns = conversations.get(picked)?.turns ?? [];
  at('turns').replaceChildren(...(turns.length > 0 ? turns.map(turnElement) : [welcome()]));
  at('turns').scrollTop = at('turns').scrollHeight;
  buttons();
}

function showTurn(index) {
  const box = at('turns');
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const made = turnElement(conversations.get(picked).turns[index]);
  box.querySelector('.welcome')?.remove();
  if (box.children[index]) box.children[index].replaceWith(made);
  else box.append(made);
  if (atEnd) box.scrollTop = box.scrollHeight;
  buttons();
}

function welcome() {
  const examples = EXAMPLES.map(text => {
    const example = element('button', {type: 'button'}, text);
    example.onclick = () => { at('text').value = text; send(); };
    return example;
  });
  return element('div', {class: 'welcome'}, element('h2', {}, 'Where would you like to go?'),
    element('p', {}, 'Each answer shows what it cost. Open a second conversation: it starts with what the first one has cached.'), ...examples);
}

function turnElement(turn) {
  const made = element('article', {class: isRunning(turn) ? 'turn running' : 'turn', 'data-state': turn.state},
    element('p', {class: 'question'}, ...turn.pictures.map(data => element('img', {src: data, alt: 'a picture'})), turn.question));
  if (turn.thinking) made.append(thinkingElement(turn));
  for (const call of turn.calls) {
    made.append(element('p', {class: 'call'}, element('code', {class: 'name'}, call.name), element('code', {}, call.arguments),
      element('code', {class: 'result'}, '→ ' + call.result)));
  }
  made.append(element('div', {class: 'answer'}, ...markdown(turn.answer)));
  if (turn.state === 'waiting') made.append(element('p', {class: 'note queue'}, queueText()));
  if (turn.state === 'stopped') made.append(element('p', {class: 'note'}, 'Stopped.'));
  if (turn.state === 'failed') made.append(element('p', {class: 'note bad'}, turn.error ?? 'This answer failed.'));
  made.append(element('div', {class: 'rounds'}, ...turn.rounds.map(roundElement)));
  return made;
}

/** Reasoning can be folded away; what the reader chose stays while the answer is written. */
const folds = new Map();
function thinkingElement(turn) {
  const key = `${picked}/${turn.question}`;
  const open = folds.get(key) ?? (isRunning(turn) && turn.answer === '');
  const made = element('details', {class: 'thinking', open: open && ''}, element('summary', {}, 'Reasoning'), element('p', {}, turn.thinking));
  made.firstChild.onclick = () => folds.set(key, !made.open);
  return made;
}

const queueText = () => load.waiting > 0
  ? `Waiting: ${number(load.running)} answers are running, ${number(load.waiting)} questions wait.`
  : 'Reading the question …';

function roundElement(round) {
  const longest = Math.max(...conversations.get(picked).turns.flatMap(turn => turn.rounds).map(one => one.prompt));
  const fresh = round.prompt - round.cached;
  const share = count => `width:${100 * count / longest}%`;
  const bar = element('span', {class: 'bar', role: 'img', 'aria-label': `${round.cached} of ${round.prompt} prompt tokens cached`},
    element('i', {class: 'cached', style: share(round.cached)}), element('i', {class: 'fresh', style: share(fresh)}));
  return element('div', {class: 'cost', title: `prefix: ${round.reuse.toLowerCase().replaceAll('_', ' ')}`}, bar,
    element('span', {}, element('b', {}, `${number(round.cached)} cached`), ' + ', element('b', {}, `${number(fresh)} new`),
      round.queuedMillis < 1 ? '' : ` · waited ${number(round.queuedMillis)} ms`,
      ` · first token ${number(round.firstTokenMillis)} ms · ${number(round.generated)} tokens at ${number(round.rate)}/s`
        + (round.rows > 1 ? ` · ${number(round.rows)} answers together` : '')));
}

// ---- the cache ------------------------------------------------------------------------------------------------------

const PARTS = {system: 'Instructions, tools', user: 'Questions', assistant: 'Answers'};
const ROW = 32;
const AXIS = 18;
const MARGIN = 24;

function showCache(event) {
  const part = event.promptTokens ? event.cachedTokens / event.promptTokens : 0;
  at('share').replaceChildren(element('strong', {}, Math.round(100 * part) + '%'), 'of all prompt tokens came from the cache');
  at('total').textContent = `${size(event.bytes)} held in all; ${number(event.cachedTokens)} of ${number(event.promptTokens)} prompt tokens were not computed again.`
    + (event.disk.on ? ` ${size(event.disk.bytes)} on disk, from where ${number(event.disk.restored)} tokens were restored in ${number(event.disk.millis)} ms.` : '')
    + ` Computing them would have taken ${time(event.savedSeconds.memory + event.savedSeconds.disk)} more.`
    + (event.ahead.tokens ? ` ${number(event.ahead.tokens)} tokens were computed ahead, ${number(event.ahead.reusedTokens)} of them used since.` : '');
  at('tiers').tBodies[0].replaceChildren(...['SYSTEM', 'USER', 'ASSISTANT'].map(name => {
    const tier = event.tiers[name] ?? {entries: 0, tokens: 0, hits: 0, evictions: 0};
    return element('tr', {}, element('th', {scope: 'row', style: `--colour:var(--${name.toLowerCase()})`}, PARTS[name.toLowerCase()]),
      ...[number(tier.entries), number(tier.tokens), number(tier.hits), number(tier.evictions)].map(text => element('td', {}, text)));
  }));
  drawTrie(event.nodes);
}

const svg = (name, attributes, ...children) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

/** Tokens run from left to right; what branches share stands once, as high as all of its branches. */
function drawTrie(roots) {
  const width = Math.max(240, at('trie').clientWidth || 360);
  const last = Math.max(1, ...ends(roots));
  const x = position => position / last * (width - MARGIN);
  const parts = [];
  const now = new Set();
  let row = 0;
  const place = (node, path) => {
    const top = row;
    const key = `${path}/${node.start}-${node.end}`;
    node.children.forEach((child, i) => place(child, `${path}/${i}`));
    if (row === top) {
      row++;
      if (node.conversation) parts.push(svg('text', {class: 'whose', x: x(node.end) + 6, y: AXIS + top * ROW + ROW / 2 + 4}, badge(node.conversation)));
    }
    now.add(key);
    parts.push(nodeElement(node, x(node.start), AXIS + top * ROW, x(node.end) - x(node.start), (row - top) * ROW, !seenNodes.has(key)));
  };
  roots.forEach((node, i) => place(node, i));
  seenNodes = now;
  const ticks = [0, last / 2, last].map((position, i) =>
    svg('text', {class: 'axis', x: x(position), y: 11, 'text-anchor': ['start', 'middle', 'end'][i]}, number(position)));
  const picture = svg('svg', {viewBox: `0 0 ${width} ${AXIS + Math.max(1, row) * ROW}`, role: 'img',
    'aria-label': `Cached prompts: ${now.size} blocks, ${row} branches, up to ${number(last)} tokens`}, ...ticks, ...parts);
  at('trie').replaceChildren(picture);
}

const ends = nodes => nodes.flatMap(node => [node.end, ...ends(node.children)]);

function nodeElement(node, left, top, width, height, grown) {
  const tokens = node.end - node.start;
  const whose = node.conversation ? `conversation ${badge(node.conversation)}` : node.children.length > 0 ? 'several conversations' : 'one conversation';
  const words = `Tokens ${number(node.start)} to ${number(node.end)} (${number(tokens)}), ${PARTS[node.tier].toLowerCase()}, ${whose}, ${size(node.bytes)} here`
    + (node.sequences > 0 ? ', ready to continue' : ', stored');
  const label = number(tokens);
  const made = svg('g', {class: grown ? 'grown' : '', 'data-tier': node.tier}, svg('rect', {class: node.tier, x: left + 1, y: top, width: Math.max(3, width), height, rx: 4}),
    svg('title', {}, words));
  if (width > 7 * label.length + 8) made.append(svg('text', {x: left + 7, y: top + height / 2 + 4}, label));
  made.onmouseenter = () => { at('node').textContent = words; };
  return made;
}

// ---- pictures -------------------------------------------------------------------------------------------------------

const PICTURES_MAX = 4;
const THUMBNAIL = 160;

const read = file => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.onerror = failed;
  reader.readAsDataURL(file);
});

async function thumbnail(data) {
  const image = new Image();
  image.src = data;
  await image.decode();
  const part = Math.min(1, THUMBNAIL / Math.max(image.width, image.height));
  const canvas = element('canvas', {width: Math.max(1, image.width * part), height: Math.max(1, image.height * part)});
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/jpeg', 0.7);
}

async function add(files) {
  const images = [...files].filter(file => file.type.startsWith('image/'));
  if (!sees || images.length === 0) return;
  for (const file of images.slice(0, PICTURES_MAX - pictures.length)) {
    try {
      const data = await read(file);
      pictures.push({data, thumbnail: await thumbnail(data)});
    } catch (problem) {
      at('problem').textContent = `${file.name} cannot be read as a picture`;
    }
  }
  showPictures();
}

function showPictures() {
  at('pictures').replaceChildren(...pictures.map((picture, i) => {
    const drop = element('button', {type: 'button', 'aria-label': `Leave out picture ${i + 1}`}, element('img', {src: picture.thumbnail, alt: ''}), '×');
    drop.onclick = () => { pictures.splice(i, 1); showPictures(); };
    return element('li', {}, drop);
  }));
}

// ---- what the user does ---------------------------------------------------------------------------------------------

async function send() {
  const text = at('text').value.trim();
  if (text === '' || picked === null || isRunning(conversations.get(picked).turns.at(-1))) return;
  at('text').value = '';
  const sent = pictures;
  pictures = [];
  showPictures();
  buttons();
  const {ok} = await ask('POST', `conversations/${picked}/questions`, {text, pictures: sent, tools: at('tools').getAttribute('aria-checked') === 'true'});
  if (!ok) {
    // Nothing that was typed or chosen is lost.
    at('text').value = at('text').value || text;
    pictures = pictures.length > 0 ? pictures : sent;
    showPictures();
    buttons();
  }
}

function pane(name) {
  document.body.dataset.pane = name;
  document.querySelectorAll('.panes button').forEach(button =>
    button.dataset.show === name ? button.setAttribute('aria-current', 'true') : button.removeAttribute('aria-current'));
}

const stop = () => ask('POST', `conversations/${picked}/stop`);

at('composer').onsubmit = event => { event.preventDefault(); send(); };
at('text').oninput = buttons;
at('text').onkeydown = event => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
};
document.onkeydown = event => { if (event.key === 'Escape' && !at('stop').hidden) stop(); };
at('stop').onclick = stop;
at('tools').onclick = () => at('tools').setAttribute('aria-checked', at('tools').getAttribute('aria-checked') !== 'true');
at('add').onclick = () => at('file').click();
at('file').onchange = () => { add(at('file').files); at('file').value = ''; };
at('text').onpaste = event => add(event.clipboardData.files);
at('chat').ondragover = event => event.preventDefault();
at('chat').ondrop = event => { event.preventDefault(); add(event.dataTransfer.files); };
at('new').onclick = async () => {
  const {id} = await ask('POST', 'conversations');
  if (id) { pick(id); pane('chat'); at('text').focus(); }
};
document.querySelectorAll('.panes button').forEach(button => { button.onclick = () => pane(button.dataset.show); });
pane('chat');
at('text').focus();
