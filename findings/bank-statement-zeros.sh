#!/usr/bin/env bash
#
# iso20022.js 0.0.15
#
# Expectation: A reader of ISO 20022 statements (camt.053) gives account numbers, references, remittance texts and names
# as the text that the bank sent: ISO 20022 defines them as Max34Text and the like, and the package's types say string.
# Amounts are in the minor unit, so 19.99 is 1999.
#
# Seen: A text of digits is read as a number on the way. The account 0012345678 is "12345678", the reference 000777 is
# the number 777, a sender who is called 0815 is the number 815. The amount 19.99 is 1998.9999999999998, and 1000 yen
# are 100000.
#
# Who is hurt: A ledger that matches statements to accounts and invoices: an account number with a zero in front finds
# nothing or another account, "0000123456" and "123456" are one reference, a sum compared by === with 1999 is not paid.
# IBANs have letters, so a test with an IBAN passes.
#
# Remedy: Round each amount; take texts from the XML with a parser that leaves them alone (fast-xml-parser with
# parseTagValue: false) until the package does.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  iso20022.js@0.0.15 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { CashManagementEndOfDayReport } from 'iso20022.js'

const party = '<Nm>0815</Nm>'
const agent = '<Svcr><FinInstnId><BIC>COBADEFFXXX</BIC></FinInstnId></Svcr>'
const code = '<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>'
const entry = (reference, currency, amount) => `<Ntry><NtryRef>${reference}</NtryRef><Amt Ccy="${currency}">${amount}</Amt>
  <CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-02-10</Dt></BookgDt><AcctSvcrRef>${reference}</AcctSvcrRef>${code}
  <NtryDtls><TxDtls><Refs><MsgId>${reference}</MsgId></Refs><RltdPties><Dbtr>${party}</Dbtr></RltdPties>
  <RmtInf><Ustrd>0000123456</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`
const xml = `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
  <GrpHdr><MsgId>0001234</MsgId><CreDtTm>2026-03-01T10:00:00Z</CreDtTm></GrpHdr>
  <Stmt><Id>0042</Id><ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-03-01T10:00:00Z</CreDtTm>
  <Acct><Id><Othr><Id>0012345678</Id></Othr></Id><Ccy>EUR</Ccy>${agent}</Acct>
  ${entry('000777', 'EUR', '19.99')}${entry('000778', 'JPY', '1000')}</Stmt>
</BkToCstmrStmt></Document>`

const [statement] = CashManagementEndOfDayReport.fromXML(xml).statements
console.log('account', JSON.stringify(statement.account))
for (const { amount, currency, accountServicerReferenceId, transactions } of statement.entries) {
  const [{ messageId, remittanceInformation, debtor }] = transactions
  console.log(JSON.stringify({ amount, currency, accountServicerReferenceId, messageId, remittanceInformation, debtor: debtor.name }))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
account {"accountNumber":"12345678","currency":"EUR"}
{"amount":1998.9999999999998,"currency":"EUR","accountServicerReferenceId":777,"messageId":777,"remittanceInformation":123456,"debtor":815}
{"amount":100000,"currency":"JPY","accountServicerReferenceId":778,"messageId":778,"remittanceInformation":123456,"debtor":815}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: iso20022.js 0.0.15'
echo 'expected: account number, references and names as text, the amount 1999'
echo 'seen:         leading zeros gone, numbers where the types say string, 1998.9999999999998'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
