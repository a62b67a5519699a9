// A JsSIP phone that is driven by lines: words on standard input do something, each event is a line on standard output.
// Arguments: URL of the WebSocket server, user, domain, password. Media is a fixed SDP; none flows.
'use strict';

const WebSocket = require('ws');

const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n' +
  'a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n';

class Connection extends EventTarget {
  constructor() {
    super();
    this.iceGatheringState = 'complete';
    this.iceConnectionState = 'connected';
    this.connectionState = 'connected';
    this.signalingState = 'stable';
    this.localDescription = null;
    this.remoteDescription = null;
  }
  createOffer() { return Promise.resolve({ type: 'offer', sdp: SDP }); }
  createAnswer() { return Promise.resolve({ type: 'answer', sdp: SDP }); }
  setLocalDescription(description) { this.localDescription = description; return Promise.resolve(); }
  setRemoteDescription(description) { this.remoteDescription = description; return Promise.resolve(); }
  addTrack() {}
  getSenders() { return []; }
  getReceivers() { return []; }
  close() { this.signalingState = 'closed'; }
}

// The ways to the media that JsSIP expects of a browser.
globalThis.window = globalThis;
globalThis.WebSocket = WebSocket;
globalThis.RTCPeerConnection = Connection;
globalThis.RTCSessionDescription = class { constructor(init) { Object.assign(this, init); } };
globalThis.MediaStream = class {};

const JsSIP = require('jssip');
const [url, user, domain, password] = process.argv.slice(2);
const say = (...words) => process.stdout.write(words.join(' ') + '\n');
const silence = { getTracks: () => [], getAudioTracks: () => [], getVideoTracks: () => [] };

const phone = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)],
  uri: `sip:${user}@${domain}`,
  password,
  register_expires: 600,
  session_timers: false,
});
let call = null;

const follow = (session) => {
  call = session;
  session.on('confirmed', () => say('confirmed'));
  session.on('ended', (event) => say('ended', event.originator));
  session.on('failed', (event) => say('failed', event.cause));
};

phone.on('connected', () => say('connected'));
phone.on('registered', () => say('registered'));
phone.on('registrationFailed', (event) => say('refused', event.response ? event.response.status_code : 'none'));
phone.on('newMessage', ({ originator, request }) => { if (originator === 'remote') say('message', request.body); });
phone.on('newRTCSession', ({ originator, session }) => {
  if (originator !== 'remote') return;
  say('incoming', session.remote_identity.uri.user);
  follow(session);
  session.answer({ mediaStream: silence });
});

const commands = {
  message: (target, ...text) => phone.sendMessage(`sip:${target}@${domain}`, text.join(' '), {
    eventHandlers: { succeeded: () => say('sent'), failed: (event) => say('unsent', event.cause) },
  }),
  call: (target) => follow(phone.call(`sip:${target}@${domain}`, { mediaStream: silence })),
  hangup: () => call.terminate(),
  stop: () => phone.stop(),
};

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [word, ...rest] = line.trim().split(' ');
  commands[word](...rest);
}).on('close', () => process.exit(0));
phone.start();
