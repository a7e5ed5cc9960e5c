// Mutants that no test has to notice, each with the reason. An entry whose mutant no longer exists fails the run.

/**
 * @typedef {object} AcceptedMutant
 * @property {string} file
 * @property {string} line - the source line where the mutant starts, trimmed
 * @property {string} mutator
 * @property {string} [change] - `before → after`; without it, every change of this mutator on the line
 * @property {string} reason
 */

/** @type {readonly AcceptedMutant[]} */
export const ACCEPTED_MUTANTS = []
