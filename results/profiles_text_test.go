package results

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

func ofProfile(profile string, points ...Point) *Report {
	r := &Report{Report: report.Report{Head: report.Head{Version: "0.1.0", Profile: profile, Nonce: "a"}, Points: points}}
	r.Verdict, _ = r.Report.Conclude()
	return r
}

// One table, what failed once for the profiles by which it is the same, what is
// open, and a verdict for each profile.
func TestTextOfProfiles(t *testing.T) {
	gic := Point{ID: "PLAT-GIC", Title: "A GIC", Level: report.Must, Verdict: Fail, Problem: "no \x1b[31mGIC", Fix: "Add one."}
	clock := Point{ID: "FW-RTC", Title: "A clock", Level: report.Must, Verdict: Error, Reason: "too busy"}
	first, should := Point{ID: "FW-UEFI-FIRST", Level: report.Recommended, Verdict: Skip, Reason: "needs-host"}, gic
	should.Level = report.Should
	got := Text{Name: "a.log"}.OfProfiles([]*Report{
		ofProfile("rfc-v2", gic, first, Point{ID: "PLAT-PSCI", Level: report.Info, Verdict: Fail, Problem: "not asked"}),
		ofProfile("v1.0", gic, clock),
		ofProfile("v2.0", should, first),
	})
	require.Equal(t, strings.TrimPrefix(`
a.log, by rfc-v2, v1.0, v2.0, vmspec 0.1.0

               rfc-v2  v1.0   v2.0
PLAT-GIC       FAIL    FAIL   missed
FW-RTC         -       error  -
FW-UEFI-FIRST  open    -      open

failed   PLAT-GIC  A GIC
 by      rfc-v2, v1.0
 problem no  [31mGIC
 fix     Add one.

error    FW-RTC  A clock
 by      v1.0
 problem too busy

missed   PLAT-GIC  A GIC
 by      v2.0
 problem no  [31mGIC
 fix     Add one.

untested needs-host: FW-UEFI-FIRST

rfc-v2: not conformant: 1 of 1 must failed (PLAT-GIC)

v1.0: not conformant: 1 of 1 must failed (PLAT-GIC); 1 error (FW-RTC); 1 not
judged: 1 in error

v2.0: could not tell: no must was judged; 1 recommended missed (PLAT-GIC)
`, "\n"), got)
	require.NotContains(t, got, "\x1b")
}
