package results

// Rank orders conclusions: the worst has the highest. A must that failed is known,
// whatever else is not.
func Rank(c Conformance) int {
	switch c.ExitStatus() {
	case 1:
		return 2
	case 0:
		return 0
	}
	return 1
}

// Worst returns the report with the worst conclusion, the first of several; nil of none.
func Worst(reports []*Report, strict bool) (worst *Report) {
	most := -1
	for _, r := range reports {
		if c, _ := r.Conclude(strict); Rank(c) > most {
			worst, most = r, Rank(c)
		}
	}
	return worst
}
