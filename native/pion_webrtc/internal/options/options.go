package options

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

// Engine is what pdw_engine_open takes.
type Engine struct {
	Disconnected, Failed, KeepAlive time.Duration // ICE timeouts
	MDNS                            bool          // resolve the .local candidates of browsers
	Interfaces                      []string      // only these; empty: all
	IncludeLoopback                 bool
	UDPPortMin, UDPPortMax          uint16 // 0: any
	MaxPeers                        int
	BitrateBps                      uint64 // what a path is believed to carry until told otherwise
	Log                             string // error, warn or info
}

// ParseEngine reads and checks.
func ParseEngine(text []byte) (Engine, error) {
	var interfaces []string
	disconnected, failed, keepAlive := int64(1000), int64(2500), int64(250)
	o := Engine{MDNS: true, MaxPeers: 16, BitrateBps: 6_000_000, Log: "warn"}
	err := object(text, fields{
		"iceTimeouts": nested(fields{
			"disconnectedMs": integer(&disconnected, 100, 60_000),
			"failedMs":       integer(&failed, 100, 600_000),
			"keepAliveMs":    integer(&keepAlive, 50, 10_000),
		}),
		"mdns":            boolean(&o.MDNS),
		"interfaces":      texts(&interfaces, 64, 64),
		"includeLoopback": boolean(&o.IncludeLoopback),
		"udpPortMin":      integer(&o.UDPPortMin, 0, 65535),
		"udpPortMax":      integer(&o.UDPPortMax, 0, 65535),
		"maxPeers":        integer(&o.MaxPeers, 1, 256),
		"bitrateBps":      integer(&o.BitrateBps, 10_000, 1_000_000_000),
		"log":             oneOf(&o.Log, "error", "warn", "info"),
	})
	if err != nil {
		return Engine{}, err
	}
	if (o.UDPPortMin == 0) != (o.UDPPortMax == 0) || o.UDPPortMin > o.UDPPortMax {
		return Engine{}, abi.Errorf(abi.InvalidArgument,
			"udpPortMin and udpPortMax must both be 0, or a range with min <= max")
	}
	o.Interfaces = interfaces
	o.Disconnected = time.Duration(disconnected) * time.Millisecond
	o.Failed = time.Duration(failed) * time.Millisecond
	o.KeepAlive = time.Duration(keepAlive) * time.Millisecond
	return o, nil
}

// Stream is what pdw_stream_open takes.
type Stream struct {
	Codec string
}

// ParseStream reads and checks.
func ParseStream(text []byte) (Stream, error) {
	o := Stream{Codec: "h264"}
	return o, object(text, fields{"codec": oneOf(&o.Codec, "h264")})
}

// Peer is what pdw_peer_open takes.
type Peer struct {
	ICEServers []webrtc.ICEServer
	RelayOnly  bool
	Video      bool
}

// ParsePeer reads and checks.
func ParsePeer(text []byte) (Peer, error) {
	o := Peer{Video: true}
	err := object(text, fields{
		"iceServers": list(64, func(int) reader { return iceServer(&o.ICEServers) }),
		"relayOnly":  boolean(&o.RelayOnly),
		"video":      boolean(&o.Video),
	})
	return o, err
}

// iceServer reads an RTCIceServer. A credential is never put into an error.
func iceServer(into *[]webrtc.ICEServer) reader {
	return func(path string, raw json.RawMessage) error {
		var urls []string
		var username, credential string
		err := nested(fields{
			"urls": func(path string, raw json.RawMessage) error {
				var one string
				if text(&one, 1024)(path, raw) == nil {
					urls = []string{one}
					return nil
				}
				return texts(&urls, 16, 1024)(path, raw)
			},
			"username":       text(&username, 1024),
			"credential":     text(&credential, 1024),
			"credentialType": oneOf(new(string), "password"),
		})(path, raw)
		if err != nil {
			return err
		}
		if len(urls) == 0 {
			return invalid(path+".urls", "is missing: give at least one stun: or turn: URL")
		}
		for i, url := range urls {
			if _, err := stun.ParseURI(url); err != nil {
				return invalid(fmt.Sprintf("%s.urls[%d]", path, i), "is not a stun:, stuns:, turn: or turns: URL")
			}
			if strings.HasPrefix(url, "turn") && (username == "" || credential == "") {
				return invalid(path, "names a TURN server and needs username and credential")
			}
		}
		server := webrtc.ICEServer{URLs: urls}
		if username != "" {
			server.Username, server.Credential = username, credential
		}
		*into = append(*into, server)
		return nil
	}
}

// ParseCandidate reads an RTCIceCandidateInit; "" as candidate means the end of candidates.
func ParseCandidate(raw []byte) (webrtc.ICECandidateInit, error) {
	if len(raw) > 8<<10 {
		return webrtc.ICECandidateInit{}, abi.Errorf(abi.TooLarge, "the candidate is %d bytes long; at most 8192 are read", len(raw))
	}
	var candidate, mid, ufrag string
	var line uint16
	var hasCandidate, hasMid, hasLine, hasUfrag bool
	err := object(raw, fields{
		"candidate":        seen(&hasCandidate, text(&candidate, 4096)),
		"sdpMid":           nullable(seen(&hasMid, text(&mid, 256))),
		"sdpMLineIndex":    nullable(seen(&hasLine, integer(&line, 0, 65535))),
		"usernameFragment": nullable(seen(&hasUfrag, text(&ufrag, 256))),
	})
	if err != nil {
		return webrtc.ICECandidateInit{}, err
	}
	if !hasCandidate {
		return webrtc.ICECandidateInit{}, invalid("candidate", `is missing: give the candidate line, or "" for the end of candidates`)
	}
	init := webrtc.ICECandidateInit{Candidate: candidate}
	if hasMid {
		init.SDPMid = &mid
	}
	if hasLine {
		init.SDPMLineIndex = &line
	}
	if hasUfrag {
		init.UsernameFragment = &ufrag
	}
	return init, nil
}

func seen(flag *bool, read reader) reader {
	return func(path string, raw json.RawMessage) error {
		*flag = true
		return read(path, raw)
	}
}
