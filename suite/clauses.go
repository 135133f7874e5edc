package suite

// everywhere is a clause that all profiles have in the same place.
func everywhere(c Clause) Clauses {
	return Clauses{RFCv2: c, V10: c, V20: c}
}

// informative is the clause of what is told and not asked.
var informative = Clause{Level: Info}

// toldEverywhere is for what is only told.
func toldEverywhere() Clauses { return everywhere(informative) }
