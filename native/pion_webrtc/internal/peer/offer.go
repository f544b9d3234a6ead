package peer

import (
	"strings"

	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

// checkOffer finds what is wrong with an offer before it changes any state: Pion has no way back from
// a description that it took half.
func checkOffer(description *webrtc.SessionDescription, wantsVideo bool) error {
	parsed, err := description.Unmarshal()
	if err != nil {
		return abi.Errorf(abi.InvalidArgument, "offer is not SDP: %s", err)
	}
	if len(parsed.MediaDescriptions) == 0 {
		return abi.Errorf(abi.InvalidArgument, "offer has no media section: add a video transceiver or a data channel before createOffer")
	}
	attribute := func(key string) bool {
		if _, ok := parsed.Attribute(key); ok {
			return true
		}
		for _, media := range parsed.MediaDescriptions {
			if _, ok := media.Attribute(key); ok {
				return true
			}
		}
		return false
	}
	for _, key := range []string{"ice-ufrag", "ice-pwd", "fingerprint"} {
		if !attribute(key) {
			return abi.Errorf(abi.InvalidArgument, "offer has no a=%s line", key)
		}
	}
	for _, media := range parsed.MediaDescriptions {
		if mid, ok := media.Attribute("mid"); !ok || mid == "" {
			return abi.Errorf(abi.InvalidArgument, "offer has a media section without a=mid")
		}
		if wantsVideo && media.MediaName.Media == "video" && media.MediaName.Port.Value != 0 {
			usable := false
			for _, attribute := range media.Attributes {
				line := strings.ToLower(attribute.Value)
				usable = usable || attribute.Key == "fmtp" && strings.Contains(line, "packetization-mode=1") &&
					strings.Contains(line, "profile-level-id=42")
			}
			if !usable {
				return abi.Errorf(abi.Unsupported,
					"offer has video without H.264 baseline in packetization-mode=1: the browser must support it")
			}
		}
	}
	return nil
}
