package suite

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
)

// notOfOneBoot are the reasons why one boot of the suite's own kernel cannot
// judge a must.
var notOfOneBoot = []string{ReasonTwoBoots, ReasonTwoVMs, ReasonHotplug, ReasonAArch32, ReasonNoOS}

// The reference run is the suite's image, through UEFI, with a device tree. It
// passes every must of the RFC that one boot can judge. U-Boot passes them too,
// except for the clock.
func TestReferenceRun(t *testing.T) {
	for guest, fails := range map[string][]string{imageGuest: nil, uBootGuest: {"FW-RTC"}} {
		t.Run(guest, func(t *testing.T) {
			var failed []string
			for _, r := range Judge(probes.Read(guesttest.Open(t, guest))).Results {
				c, asked := r.Clauses.By(RFCv2)
				switch {
				case !asked || c.Level != Must || r.Verdict == Pass:
				case r.Verdict == Skip:
					require.True(t, slices.Contains(notOfOneBoot, r.Problem), "%s: %s", r.ID, r.Problem)
				default:
					failed = append(failed, r.ID)
				}
			}
			require.Equal(t, fails, failed)
		})
	}
}
