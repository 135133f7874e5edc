package suite

// everywhere is a clause that stands at the same place in all texts.
func everywhere(c Clause) Clauses {
	return Clauses{RFCv2: c, V10: c, V20: c}
}

// informative is the clause of a requirement that no text asks.
var informative = Clause{Level: Info}

// toldEverywhere is for a requirement that no text asks: it is reported, never
// counted.
func toldEverywhere() Clauses { return everywhere(informative) }
