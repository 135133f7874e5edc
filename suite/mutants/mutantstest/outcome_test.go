package mutantstest

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
	"vmspec/suite/mutants"
)

// What a row says is found or follows, and what it does not say is collateral.
func TestCompare(t *testing.T) {
	rows, err := mutants.Parse("platform_x.txt", "row a\nguest g\nfinds A fail \"broken\"\nwith B error \"rests\"\nmay C error \"no driver\"\n")
	require.NoError(t, err)
	before := map[string]Point{"A": {report.Pass, ""}, "B": {report.Pass, ""}, "C": {report.Pass, ""}, "D": {report.Pass, ""}}
	sound := map[string]Point{"A": {report.Fail, "it is broken"}, "B": {report.Error, "it rests"}, "C": {report.Pass, ""}, "D": {report.Pass, ""}}
	for name, c := range map[string]struct {
		id   string
		now  Point
		want string
	}{
		"all as it says":                 {"D", Point{report.Pass, "another text"}, ""},
		"what may follow":                {"C", Point{report.Error, "no driver here"}, ""},
		"what may follow, and otherwise": {"C", Point{report.Fail, "no driver here"}, "collateral: C is fail, and was pass: no driver here"},
		"what may follow, of another":    {"C", Point{report.Error, "hung"}, "collateral: C is error, and was pass: hung"},
		"what must follow":               {"B", Point{report.Pass, ""}, "collateral: B is pass and not error: "},
		"a survivor":                     {"A", Point{report.Pass, ""}, "survived: A is pass: "},
		"what it does not say":           {"D", Point{report.Error, "hung"}, "collateral: D is error, and was pass: hung"},
	} {
		after := maps.Clone(sound)
		after[c.id] = c.now
		o := Compare(rows[0], before, after)
		require.Equal(t, c.want, o.Wrong(), name)
		require.Equal(t, c.want == "", o.Sound(), name)
	}
}
